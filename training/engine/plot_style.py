"""How plots look: those of a run and those of studies."""

import io

from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Those of Okabe and Ito, which colour-blind people can tell apart."""

_DPI = 130


def png(figure: Figure) -> bytes:
    """The figure as a PNG file, which says nothing of what drew it."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DPI, metadata={"Software": None})
    return file.getvalue()


def tidy(panel: Axes) -> None:
    """A light grid behind the curves, and no frame."""
    panel.grid(color="#dddddd", linewidth=0.6)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
