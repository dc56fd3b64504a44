"""How far a long file has come is told, and of a short one nothing."""

from pathlib import Path

from extract.read import open_file, progress
from extract.read.progress import Progress


def shares(path: Path) -> list[tuple[float, int]]:
    told: list[tuple[float, int]] = []
    reading = open_file(path)
    follower = Progress(path, lambda share, records: told.append((share, records)))
    for batch in reading.batches(size=500):
        follower.add_batch(batch)
    follower.close()
    return told


def test_the_share_of_the_file_grows_to_the_whole(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(progress, "LONG", 1000)
    monkeypatch.setattr(progress, "EVERY", 0.0)
    (tmp_path / "a.csv").write_text("id,name\n" + "".join(f"{i},name {i}\n" for i in range(3000)))
    (tmp_path / "a.ndjson").write_text("".join(f'{{"id": {i}, "name": "name {i}"}}\n' for i in range(3000)))
    for name in ("a.csv", "a.ndjson"):
        told = shares(tmp_path / name)
        assert told == sorted(told)
        assert told[-1] == (1.0, 3000)
        assert any(0.3 < share < 0.7 for share, _ in told)


def test_of_a_short_file_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,name\n1,x\n")
    assert shares(tmp_path / "a.csv") == []
