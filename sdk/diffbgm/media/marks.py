"""What is said about pictures as a whole beside their codec: a sphere, a layout for two eyes, a Dolby Vision record.

FFmpeg keeps this as side data of the stream. PyAV shows it on decoded pictures only, as the C structures
AVSphericalMapping and AVStereo3D, and hands none to encoders. So a stream that is encoded anew takes it over from a
small MP4 made here, whose boxes (Spherical Video V2) say the same.
"""

import io
import struct
from dataclasses import dataclass
from typing import Any

import av
from av.bitstream import BitStreamFilterContext

CUBEMAP, OTHER_PROJECTIONS = 1, 3  # of FFmpeg's AVSphericalProjection; 0 to 2 have boxes of Spherical Video V2
LAYOUTS = {0: 0, 2: 1, 1: 2}  # FFmpeg's AVStereo3DType that st3d can say: one eye, top and bottom, side by side
IN_MATROSKA = {0, 1, 2, 4, 6, 7}  # the same of Matroska's StereoMode: also checkerboard, lines and columns
TWO_VIEWS = 8  # AV_STEREO3D_UNSPEC: the eyes are no parts of one picture
SPHERE, STEREO, DOLBY = "360 degree mark", "stereo 3D mark", "Dolby Vision record"


@dataclass(frozen=True)
class Marks:
    """Marks of one picture track: FFmpeg's structures for sphere and stereo, empty where there is none.

    `dolby` tells of a Dolby Vision record, `tagged` of a stereo mode among the tags, as Matroska gives it.
    """

    sphere: bytes = b""
    stereo: bytes = b""
    dolby: bool = False
    tagged: bool = False

    @property
    def layout(self) -> tuple[int, int]:
        """FFmpeg's type and flags of the stereo layout; flags other than 0: the eyes are swapped."""
        return struct.unpack_from("=2i", self.stereo)

    def lost(self, muxer: str, *, encoded: bool = False, turned: bool = False) -> list[str]:
        """Names of the marks that an output of FFmpeg's `muxer` will not carry."""
        names: list[str] = []
        if self.sphere:
            other = struct.unpack_from("=i", self.sphere)[0] >= OTHER_PROJECTIONS  # which FFmpeg puts in Apple's box
            kept = not encoded and muxer != "matroska" if other else muxer != "mov"
            names += [] if kept and not turned else [SPHERE]
        if self.stereo:
            kind, swapped = self.layout
            if kind == TWO_VIEWS:
                kept = muxer != "matroska" and not encoded
            elif muxer == "matroska" and (self.tagged or not encoded):
                kept = kind in IN_MATROSKA
            else:
                kept = muxer != "mov" and kind in LAYOUTS and not swapped
            names += [] if kept and not turned else [STEREO]
        return names + ([DOLBY] if self.dolby and (encoded or muxer == "mov") else [])

    def hand_to(self, stream: Any) -> None:
        """Gives sphere and layout to the stream of an encoder, whose other parameters must be set afterwards."""
        boxes = self._boxes()
        if not boxes:
            return
        code = b"avc1" if stream.codec_context.name == "libx264" else b"hvc1"
        with av.open(io.BytesIO(_empty_film(code, boxes)), format="mov") as film:
            BitStreamFilterContext("null", in_stream=film.streams.video[0], out_stream=stream)

    def hidden_by_vexu(self, index: bytes) -> bool:
        """Whether a file's `moov` holds all that `vexu` says of these pictures in st3d and sv3d, which say more."""
        layout, sphere = bool(self.stereo) and b"st3d" in index, bool(self.sphere) and b"sv3d" in index
        says_more = layout or (sphere and any(self.sphere[4:32]))
        return says_more and layout == bool(self.stereo) and sphere == bool(self.sphere) and b"vexu" in index

    def _boxes(self) -> bytes:
        boxes = b""
        if self.stereo and self.layout[0] in LAYOUTS and not self.layout[1]:
            boxes += _box(b"st3d", bytes(4), bytes([LAYOUTS[self.layout[0]]]))
        if self.sphere:
            kind, yaw, pitch, roll, left, top, right, bottom, padding = struct.unpack_from("=i3i5I", self.sphere)
            if kind >= OTHER_PROJECTIONS:
                return boxes
            pose = _box(b"prhd", struct.pack(">4x3i", yaw, pitch, roll))
            cube, bounds = struct.pack(">8xI", padding), struct.pack(">4x4I", top, bottom, left, right)
            shape = _box(b"cbmp", cube) if kind == CUBEMAP else _box(b"equi", bounds)
            boxes += _box(b"sv3d", _box(b"svhd", bytes(5)), _box(b"proj", pose, shape))
        return boxes


def marks_of(stream: Any, first: Any, *, dolby: bool) -> Marks:
    """The marks of a picture track, whose `first` picture (None: there is none) has been decoded."""
    if first is None:
        return Marks(dolby=dolby)
    tagged = "stereo_mode" in {key.lower() for key in stream.metadata}
    return Marks(side_data(first, "SPHERICAL"), side_data(first, "STEREO3D"), dolby, tagged)


def side_data(picture: Any, kind: str) -> bytes:
    """The bytes of one kind of a picture's side data, empty where there is none."""
    return next((bytes(data) for data in picture.side_data if data.type.name == kind), b"")


def _box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), name) + body


def _empty_film(code: bytes, boxes: bytes) -> bytes:
    """An MP4 with one picture track of no pictures, whose sample entry has the code and the boxes."""
    entry = _box(code, struct.pack(">6xH", 1), bytes(70), boxes)
    table = _box(b"stbl", _box(b"stsd", struct.pack(">4xI", 1), entry))
    header = _box(b"mdhd", struct.pack(">12xI8x", 1000))
    media = _box(b"mdia", header, _box(b"hdlr", bytes(8), b"vide", bytes(13)), _box(b"minf", table))
    return _box(b"ftyp", b"isom", bytes(4)) + _box(b"moov", _box(b"trak", media))
