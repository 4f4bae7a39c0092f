"""Checkpoints as torch and Ultralytics write them, those with code in them, and damaged ones."""

from __future__ import annotations

import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from samdesk.engine.checkpoints.read import read_checkpoint
from samdesk.engine.checkpoints.trusted import UntrustedFileError, is_trusted, trust_file
from samdesk.engine.protocols import EngineError
from tests.helpers.payload import Payload

torch = pytest.importorskip("torch")

VALUES: dict[str, Any] = {
    "numbers": torch.arange(6, dtype=torch.float16).reshape(2, 3),
    "part": torch.arange(12).reshape(3, 4)[1:, ::2],
    "parameter": torch.nn.Parameter(torch.ones(2)),
    "bools": torch.tensor([True, False]),
    "empty": torch.zeros(0, 3),
    "brain": torch.ones(2, dtype=torch.bfloat16),
    "type": torch.float32,
    "size": torch.Size((1, 2)),
    "ordered": OrderedDict(a=1, b=[None, True, 2.5, "ü", b"raw", (1,), {1, 2}, 1 << 70]),
    "path": Path("/a/b"),
    "score": np.float64(0.25),
}


def saved(path: Path, content: Any, **options: Any) -> Path:
    torch.save(content, path, **options)
    return path


@pytest.mark.parametrize("archive", [True, False])
@pytest.mark.parametrize("protocol", [2, 4])
def test_what_torch_saved_is_read(archive: bool, protocol: int, tmp_path: Path) -> None:
    file = saved(tmp_path / "a.pt", VALUES, _use_new_zipfile_serialization=archive, pickle_protocol=protocol)
    found = read_checkpoint(file)
    assert list(found) == list(VALUES)
    for key, value in VALUES.items():
        if isinstance(value, torch.Tensor):
            assert found[key].dtype == value.dtype, key
            assert torch.equal(found[key], value), key
        else:
            assert str(found[key]) == str(value), key
    assert isinstance(found["parameter"], torch.nn.Parameter)


def test_tensors_that_share_a_storage_still_do(tmp_path: Path) -> None:
    whole = torch.zeros(4)
    found = read_checkpoint(saved(tmp_path / "a.pt", {"whole": whole, "half": whole[:2]}))
    found["whole"].fill_(1.0)
    assert found["half"].tolist() == [1.0, 1.0]


class TestCode:
    """Nothing in a file runs without the user's yes; with it, it does."""

    @pytest.fixture
    def marker(self, tmp_path: Path) -> Path:
        return tmp_path / "it-ran"

    @pytest.mark.parametrize("archive", [True, False])
    def test_it_runs_only_with_permission(self, archive: bool, marker: Path, tmp_path: Path) -> None:
        content = {"weights": torch.ones(2), "code": Payload(marker)}
        file = saved(tmp_path / "best.pt", content, _use_new_zipfile_serialization=archive)
        with pytest.raises(UntrustedFileError, match=r"subprocess\.call") as caught:
            read_checkpoint(file)
        assert not marker.exists()
        assert caught.value.needs == ("subprocess.call",)
        caught.value.permit()
        assert read_checkpoint(file)["weights"].tolist() == [1.0, 1.0]
        assert marker.exists()

    def test_permission_is_for_the_content(self, marker: Path, tmp_path: Path) -> None:
        first = saved(tmp_path / "a.pt", {"weights": torch.ones(2), "code": Payload(marker)})
        trust_file(first)
        other = saved(tmp_path / "a.pt", {"weights": torch.zeros(2), "code": Payload(marker)})
        with pytest.raises(UntrustedFileError) as caught:
            read_checkpoint(other)
        assert not marker.exists()
        assert not is_trusted(caught.value.sha256)

    def test_a_permission_that_cannot_be_saved(
        self, marker: Path, tmp_path: Path, samdesk_home: Path
    ) -> None:
        file = saved(tmp_path / "a.pt", {"code": Payload(marker)})
        (samdesk_home / "state").mkdir(exist_ok=True)
        (samdesk_home / "state" / "trusted-models").write_text("in the way")
        with pytest.raises(EngineError, match="could not be saved"):
            trust_file(file)

    @pytest.mark.parametrize(
        "code",
        [
            b"cos\nsystem\n(S'touch MARKER'\ntR.",
            b"\x80\x02cbuiltins\neval\nX\x04\x00\x00\x001+1!\x85R.",
            b"\x80\x02c__builtin__\ngetattr\nctorch.nn.modules.module\nModule\nX\x0b\x00\x00\x00__globals__\x86R.",
            b"\x80\x02cultralytics.nn.tasks\nDetectionModel\nX\x01\x00\x00\x00x\x85R.",
            b"\x80\x02cultralytics.nn.tasks\nDetectionModel\nX\x01\x00\x00\x00x\x85\x81.",
            b"\x80\x02ctorch.nn.modules.linear\nLinear\nK\x01K\x02\x86R.",
            b"\x80\x02cultralytics.nn.text_model\nMobileCLIPTS\n)\x81.",
            b"\x80\x02cultralytics.utils.checks\ncheck_requirements\nX\x01\x00\x00\x00x\x85R.",
            b"\x80\x02ctorch.hub\nload_state_dict_from_url\nX\x01\x00\x00\x00x\x85R.",
            b"\x80\x02csamdesk.cli.main\nmain\n)R.",
        ],
    )
    def test_no_call_that_is_not_in_the_table(self, code: bytes, tmp_path: Path, marker: Path) -> None:
        file = tmp_path / "a.pt"
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("a/data.pkl", code.replace(b"MARKER", str(marker).encode()))
        with pytest.raises(EngineError):
            read_checkpoint(file)
        assert not marker.exists()

    def test_the_state_of_a_class_cannot_be_set(self, tmp_path: Path) -> None:
        # pickle.Unpickler would set an attribute of the class itself, for the whole process.
        code = b"\x80\x02ctorch.nn.modules.linear\nIdentity\nN}X\x07\x00\x00\x00forwardK\x01s\x86b."
        file = tmp_path / "a.pt"
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("a/data.pkl", code)
        with pytest.raises(EngineError):
            read_checkpoint(file)
        assert callable(torch.nn.Identity.forward)

    def test_a_bare_pickle_is_no_checkpoint(self, marker: Path, tmp_path: Path) -> None:
        file = tmp_path / "a.pt"
        file.write_bytes(pickle.dumps(Payload(marker)))
        with pytest.raises(EngineError, match="not a PyTorch checkpoint"):
            read_checkpoint(file)
        assert not marker.exists()

    def test_torchscript_is_refused(self, tmp_path: Path) -> None:
        file = tmp_path / "model.ts"
        with zipfile.ZipFile(file, "w") as archive:
            for name in ("data.pkl", "constants.pkl", "code/__torch__.py"):
                archive.writestr(f"model/{name}", b"\x80\x02}.")
        with pytest.raises(EngineError, match="TorchScript, a compiled program"):
            read_checkpoint(file)


class TestBounds:
    """A file that claims more than it has costs nothing."""

    def refused(self, path: Path, why: str = "") -> None:
        with pytest.raises(EngineError) as caught:
            read_checkpoint(path)
        assert str(path) in str(caught.value)
        assert why in str(caught.value)

    def archive(
        self, path: Path, pickled: bytes, compression: int = zipfile.ZIP_STORED, **data: bytes
    ) -> Path:
        with zipfile.ZipFile(path, "w", compression) as archive:
            archive.writestr("a/data.pkl", pickled)
            for key, content in data.items():
                archive.writestr(f"a/data/{key[1:]}", content)
        return path

    def test_a_zip_bomb(self, tmp_path: Path) -> None:
        pickled = tensor_pickle(count=1 << 27, size=(1 << 27,), stride=(1,))
        self.refused(
            self.archive(tmp_path / "a.pt", pickled, zipfile.ZIP_DEFLATED, _0=bytes(1 << 20)), "compressed"
        )

    @pytest.mark.parametrize(
        ("count", "size", "stride", "offset"),
        [
            (1 << 40, (4,), (1,), 0),  # a storage that is larger than its record
            (4, (1 << 40,), (0,), 0),  # one number, repeated
            (4, (4,), (2,), 0),  # beyond the storage
            (4, (4,), (1,), 1),
            (4, (1 << 40, 0), (1, 1), 1 << 50),
            (4, (4,), (-1,), 3),
            (4, (4,), (1, 1), 0),
        ],
    )
    def test_a_tensor_outside_of_its_storage(
        self, count: int, size: tuple[int, ...], stride: tuple[int, ...], offset: int, tmp_path: Path
    ) -> None:
        pickled = tensor_pickle(count, size, stride, offset)
        self.refused(self.archive(tmp_path / "a.pt", pickled, _0=bytes(16)), "tensors are damaged")

    def test_the_same_tensor_inside_is_read(self, tmp_path: Path) -> None:
        file = self.archive(tmp_path / "a.pt", tensor_pickle(4, (2, 2), (2, 1)), _0=bytes(16))
        assert read_checkpoint(file).tolist() == [[0, 0], [0, 0]]

    def test_many_tensors_of_one_storage(self, tmp_path: Path) -> None:
        # Ultralytics makes a float32 copy of each.
        whole = torch.zeros(1 << 18)
        self.refused(
            saved(tmp_path / "a.pt", [whole.view(512, -1)[:] for _ in range(500)]), "tensors are damaged"
        )

    def test_a_flipped_bit_in_the_numbers(self, tmp_path: Path) -> None:
        file = saved(tmp_path / "a.pt", {"w": torch.arange(1000.0)})
        data = bytearray(file.read_bytes())
        data[data.index(struct.pack("<f", 500.0))] ^= 1
        file.write_bytes(data)
        self.refused(file, "checksum is wrong")

    def test_a_memo_index_of_two_billion(self, tmp_path: Path) -> None:
        self.refused(self.archive(tmp_path / "a.pt", b"\x80\x02}r\xff\xff\xff\x7f00."), "damaged")

    @pytest.mark.parametrize("code", [b"B\xff\xff\xff\xff", b"\x8e" + b"\xff" * 8, b"\x8b\xff\xff\xff\x7f"])
    def test_texts_that_are_longer_than_the_file(self, code: bytes, tmp_path: Path) -> None:
        self.refused(self.archive(tmp_path / "a.pt", b"\x80\x02" + code))

    def test_a_key_that_takes_for_ever_to_hash(self, tmp_path: Path) -> None:
        nested = b"K\x01\x85q\x00" + b"".join(b"h%ch%c\x86q%c" % (i, i, i + 1) for i in range(60))
        self.refused(self.archive(tmp_path / "a.pt", b"\x80\x02}" + nested + b"K\x01s."), "damaged")

    def test_entries_that_overlap(self, tmp_path: Path) -> None:
        file = self.archive(tmp_path / "a.pt", b"\x80\x02}.", _0=bytes(64), _1=bytes(64))
        data = bytearray(file.read_bytes())
        central = [i for i in range(len(data)) if data[i : i + 4] == b"PK\x01\x02"]
        data[central[2] + 42 : central[2] + 46] = data[central[1] + 42 : central[1] + 46]
        file.write_bytes(data)
        self.refused(file)

    def test_another_byte_order(self, tmp_path: Path) -> None:
        file = tmp_path / "a.pt"
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("a/data.pkl", b"\x80\x02}.")
            archive.writestr("a/byteorder", b"big")
        self.refused(file, "byte order")

    @pytest.mark.parametrize(
        "content", [b"", b"PK", b"PK\x03\x04", b"<html>", b"\x80\x02}q\x00.", b"\x80\x02\x8a\x0al\xfc"]
    )
    def test_what_is_no_checkpoint(self, content: bytes, tmp_path: Path) -> None:
        file = tmp_path / "a.pt"
        file.write_bytes(content)
        self.refused(file)

    def test_a_class_that_is_not_installed(self, tmp_path: Path) -> None:
        code = b"\x80\x02cultralytics.nn.modules.block\nTomorrow\n)\x81."
        self.refused(self.archive(tmp_path / "a.pt", code), "needs Tomorrow, which the installed version")


def tensor_pickle(count: int, size: tuple[int, ...], stride: tuple[int, ...], offset: int = 0) -> bytes:
    """The pickle of one tensor, as torch writes it, with any numbers."""
    storage = b"(%bctorch\nFloatStorage\n%b%b%btQ" % tuple(map(plain, ("storage", "0", "cpu", count)))
    where = b"".join(map(plain, (offset, size, stride, False)))
    end = b"ccollections\nOrderedDict\n)RtR."
    return b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(" + storage + where + end


def plain(value: object) -> bytes:
    return pickle.dumps(value, 2)[2:-1]
