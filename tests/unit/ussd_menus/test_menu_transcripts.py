import pytest
import transcripts

ALL = transcripts.everyone()


@pytest.mark.parametrize("name", ALL)
def test_given_these_facts_these_keys_lead_to_these_screens(name):
    transcript = ALL[name]
    expected = [transcript["first"], *(hop["screen"] for hop in transcript["hops"])]

    assert list(transcripts.played(transcript)) == expected
