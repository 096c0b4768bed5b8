from array import array

Side = tuple[str, int, int, int, "array[int]", "array[int]", "array[int]", "array[int]"]

def scan(frame: str | bytes | bytearray | memoryview) -> Side | None: ...
