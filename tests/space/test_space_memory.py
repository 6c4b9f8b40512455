import platform

from space.memory import share_heaps


def test_heaps_are_shared_where_there_is_glibc() -> None:
    assert share_heaps(2) == (platform.libc_ver()[0] == "glibc")
