"""The command line, one module per command. Importing it sets how the threads of this program wait."""

from samdesk.base.environment import set_for_program

set_for_program()  # here, before any module of the command line imports numpy
