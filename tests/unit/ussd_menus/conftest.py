import sys
from pathlib import Path

# `transcripts` stands beside the tests that play it, and beside the script that may write more of them.
sys.path.append(str(Path(__file__).parent))
