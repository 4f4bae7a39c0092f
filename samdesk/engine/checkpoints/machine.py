"""A pickle machine that only makes what a table allows: no name in the file is imported or called.

It knows the opcodes of protocols 2 to 5, which ``torch.save`` writes. Unlike ``pickle.Unpickler``, whose
``find_class`` restricts names only, it also restricts what may be called, built and used as a key, and it
allocates nothing that the file merely claims. Unlike ``torch.load(weights_only=True)``, its table belongs to
one load instead of the process, a class is never called, and it is the same for all versions of torch.
"""

from __future__ import annotations

import struct
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pickle import decode_long
from typing import Any, TypeAlias

from samdesk.engine.checkpoints.container import CheckpointFault

Build: TypeAlias = Callable[[Any, Any], None]
_SCALARS = (str, int, float, bool, bytes, type(None))


class NeedsCodeError(Exception):
    """The file needs a name, or a call, that is not allowed; ``name`` says which."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True)
class Allowed:
    """What a name in a pickle stands for.

    Attributes:
        value: What a mention of the name gives.
        call: What a call of it gives; None: it is not called.
        new: What ``cls.__new__(cls, ...)`` gives; None: not allowed.
        build: Sets the state of such an object; None: it has none.
        type: Of the objects that ``build`` takes; None: ``value``.
    """

    value: Any
    call: Callable[..., Any] | None = None
    new: Callable[..., Any] | None = None
    build: Build | None = None
    type: type | None = None


Resolve: TypeAlias = Callable[[str], Allowed | None]
LoadStorage: TypeAlias = Callable[[Any], Any]


class PickleMachine:
    """Runs one pickle.

    Args:
        data: Bytes that contain it.
        resolve: Returns what a name ("torch.nn.modules.conv.Conv2d") stands for; None: not allowed.
        load_storage: Returns the object of a persistent id. It raises ``CheckpointFault`` for a bad one.
        start: Where the pickle begins.
    """

    def __init__(self, data: bytes, resolve: Resolve, load_storage: LoadStorage, start: int = 0) -> None:
        self.position = start
        self._data = data
        self._resolve = resolve
        self._load_storage = load_storage
        self._stack: list[Any] = []
        self._marks: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self._names: dict[str, Allowed] = {}
        self._by_id: dict[int, Allowed] = {}
        self._builds: dict[type, Build] = {OrderedDict: _build_ordered_dict}

    def run(self) -> Any:
        """Returns the object; ``position`` is then behind the pickle.

        Raises:
            NeedsCodeError: It needs what is not allowed.
            CheckpointFault: It is damaged.
        """
        data, operations = self._data, _OPERATIONS
        try:
            while True:
                code = data[self.position]
                self.position += 1
                if code == _STOP:
                    return self._stack.pop()
                operations[code](self)
        except (IndexError, KeyError, struct.error, TypeError, ValueError, OverflowError) as error:
            if isinstance(error, CheckpointFault):
                raise
            raise CheckpointFault("its structure is damaged") from error

    # -- reading

    def _take(self, count: int) -> bytes:
        end = self.position + count
        piece = self._data[self.position : end]
        if len(piece) != count:
            raise CheckpointFault("it is incomplete")
        self.position = end
        return piece

    def _number(self, format_: struct.Struct) -> Any:
        value = format_.unpack_from(self._data, self.position)[0]
        self.position += format_.size
        return value

    def _line(self) -> str:
        end = self._data.index(b"\n", self.position)
        text = self._data[self.position : end].decode()
        self.position = end + 1
        return text

    def _to_mark(self) -> list[Any]:
        items, self._stack = self._stack, self._marks.pop()
        return items

    # -- operations

    def _mark(self) -> None:
        self._marks.append(self._stack)
        self._stack = []

    def _put(self, index: int) -> None:
        self._memo[index] = self._stack[-1]

    def _push_global(self, module: str, name: str) -> None:
        full = full_name(module, name)
        allowed = self._names.get(full)
        if allowed is None:
            allowed = self._resolve(full)
            if allowed is None:
                raise NeedsCodeError(full)
            self._names[full] = allowed
            self._by_id[id(allowed.value)] = allowed
            if allowed.build is not None:
                self._builds[allowed.type or allowed.value] = allowed.build
        self._stack.append(allowed.value)

    def _push_global_line(self) -> None:
        module = self._line()
        self._push_global(module, self._line())

    def _push_global_of_stack(self) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        if type(name) is not str or type(module) is not str:
            raise CheckpointFault("its structure is damaged")
        self._push_global(module, name)

    def _allowed(self, value: Any) -> Allowed:
        allowed = self._by_id.get(id(value))
        if allowed is None:
            raise CheckpointFault("its structure is damaged")
        return allowed

    def _reduce(self) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        allowed = self._allowed(function)
        if type(arguments) is not tuple:
            raise CheckpointFault("its structure is damaged")
        if allowed.call is None:
            raise NeedsCodeError(_title(function))
        self._stack.append(allowed.call(*arguments))

    def _new(self) -> None:
        arguments, cls = self._stack.pop(), self._stack.pop()
        allowed = self._allowed(cls)
        if allowed.new is None or arguments != ():
            raise NeedsCodeError(_title(cls))
        self._stack.append(allowed.new())

    def _build(self) -> None:
        state, instance = self._stack.pop(), self._stack[-1]
        build = self._builds.get(type(instance))
        if build is None:
            raise NeedsCodeError(f"state of {type(instance).__name__}")
        build(instance, state)

    def _append(self) -> None:
        value = self._stack.pop()
        self._extend([value])

    def _extend(self, values: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is list:
            target.extend(values)
        elif type(target) is set:
            target.update(map(checked_key, values))
        else:
            raise CheckpointFault("its structure is damaged")

    def _set_items(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not dict and type(target) is not OrderedDict:
            raise CheckpointFault("its structure is damaged")
        for i in range(0, len(items), 2):
            target[checked_key(items[i])] = items[i + 1]

    def _set_item(self) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._set_items([key, value])

    def _new_dict(self) -> None:
        items = self._to_mark()
        self._stack.append({})
        self._set_items(items)

    def _frozen_set(self) -> None:
        items = self._to_mark()
        self._stack.append(frozenset(map(checked_key, items)))

    def _tuple_of_mark(self) -> None:
        items = self._to_mark()
        self._stack.append(tuple(items))

    def _list_of_mark(self) -> None:
        items = self._to_mark()
        self._stack.append(items)

    def _pop_mark(self) -> None:
        self._to_mark()

    def _tuple(self, count: int) -> None:
        items = self._stack[-count:]
        if len(items) != count:
            raise CheckpointFault("its structure is damaged")
        self._stack[-count:] = [tuple(items)]

    def _pop(self) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._stack = self._marks.pop()

    def _long(self, count: int) -> None:
        if not 0 <= count < 256:  # int() of a large one takes long
            raise CheckpointFault("its structure is damaged")
        self._stack.append(decode_long(self._take(count)))

    def _persistent(self) -> None:
        self._stack.append(self._load_storage(self._stack.pop()))


def full_name(module: str, name: str) -> str:
    """The name of Python 3 for what protocol 2 writes with the names of Python 2."""
    module, name = NAME_MAPPING.get((module, name), (module, name))
    return f"{IMPORT_MAPPING.get(module, module)}.{name}"


def checked_key(key: Any) -> Any:
    """A key of a dictionary or a set. Nested tuples are refused: hashing them can take for ever."""
    if isinstance(key, _SCALARS) or (type(key) is tuple and all(isinstance(k, _SCALARS) for k in key)):
        return key
    raise CheckpointFault("its structure is damaged")


def _build_ordered_dict(instance: OrderedDict[Any, Any], state: Any) -> None:
    """A state dict has an attribute ``_metadata``, which nothing here needs."""


def _title(value: Any) -> str:
    return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', type(value).__name__)}(...)"


_U1, _U2, _U4, _U8 = (struct.Struct(f) for f in ("<B", "<H", "<I", "<Q"))
_I4, _FLOAT = struct.Struct("<i"), struct.Struct(">d")
_STOP = ord(".")


def _constant(value: Any) -> Callable[[PickleMachine], None]:
    return lambda m: m._stack.append(value)


def _fresh(make: Callable[[], Any]) -> Callable[[PickleMachine], None]:
    return lambda m: m._stack.append(make())


def _numeric(format_: struct.Struct) -> Callable[[PickleMachine], None]:
    return lambda m: m._stack.append(m._number(format_))


def _text(length: struct.Struct) -> Callable[[PickleMachine], None]:
    return lambda m: m._stack.append(m._take(m._number(length)).decode("utf-8", "surrogatepass"))


def _bytes(length: struct.Struct) -> Callable[[PickleMachine], None]:
    return lambda m: m._stack.append(m._take(m._number(length)))


def _latin(length: struct.Struct) -> Callable[[PickleMachine], None]:
    """Text of Python 2."""
    return lambda m: m._stack.append(m._take(m._number(length)).decode("latin-1"))


def _get(index: struct.Struct) -> Callable[[PickleMachine], None]:
    return lambda m: m._stack.append(m._memo[m._number(index)])


def _unknown(code: int) -> Callable[[PickleMachine], None]:
    def refuse(_: PickleMachine) -> None:
        raise CheckpointFault(f"its structure is damaged (opcode {code})")

    return refuse


_BY_CODE: dict[bytes, Callable[[PickleMachine], None]] = {
    b"\x80": lambda m: m._number(_U1),  # the protocol
    b"\x95": lambda m: m._number(_U8),  # a frame
    b"(": PickleMachine._mark,
    b"0": PickleMachine._pop,
    b"1": PickleMachine._pop_mark,
    b"2": lambda m: m._stack.append(m._stack[-1]),
    b"N": _constant(None), b"\x88": _constant(True), b"\x89": _constant(False),
    b"J": _numeric(_I4), b"K": _numeric(_U1), b"M": _numeric(_U2), b"G": _numeric(_FLOAT),
    b"\x8a": lambda m: m._long(m._number(_U1)), b"\x8b": lambda m: m._long(m._number(_U4)),
    b"X": _text(_U4), b"\x8c": _text(_U1), b"\x8d": _text(_U8),
    b"B": _bytes(_U4), b"C": _bytes(_U1), b"\x8e": _bytes(_U8),
    b"T": _latin(_U4), b"U": _latin(_U1),
    b"]": _fresh(list), b"}": _fresh(dict), b")": _constant(()), b"\x8f": _fresh(set),
    b"a": PickleMachine._append,
    b"e": lambda m: m._extend(m._to_mark()), b"\x90": lambda m: m._extend(m._to_mark()),
    b"s": PickleMachine._set_item, b"u": lambda m: m._set_items(m._to_mark()),
    b"l": PickleMachine._list_of_mark, b"d": PickleMachine._new_dict,
    b"\x91": PickleMachine._frozen_set,
    b"\x85": lambda m: m._tuple(1), b"\x86": lambda m: m._tuple(2), b"\x87": lambda m: m._tuple(3),
    b"t": PickleMachine._tuple_of_mark,
    b"h": _get(_U1), b"j": _get(_U4),
    b"q": lambda m: m._put(m._number(_U1)), b"r": lambda m: m._put(m._number(_U4)),
    b"\x94": lambda m: m._put(len(m._memo)),
    b"c": PickleMachine._push_global_line, b"\x93": PickleMachine._push_global_of_stack,
    b"R": PickleMachine._reduce, b"\x81": PickleMachine._new, b"b": PickleMachine._build,
    b"Q": PickleMachine._persistent,
}  # fmt: skip
_OPERATIONS = tuple(_BY_CODE.get(bytes((code,)), _unknown(code)) for code in range(256))
