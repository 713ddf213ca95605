import subprocess
import sys


def test_the_gateways_side_loads_no_ffmpeg() -> None:
    script = "import sys, sayso.audio.decoding, sayso.audio.formats; sys.exit('av' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
