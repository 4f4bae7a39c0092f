"""Benchmarks of the whole program; each result names the machine it was measured on.

Importing it sets how the threads of this program wait, as ``samdesk.cli`` does.
"""

from samdesk.base.environment import set_for_program

set_for_program()
