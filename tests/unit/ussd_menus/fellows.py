"""Shows an English transcript beside what the menu says in another language; `--keep` writes that down.

    python tests/unit/ussd_menus/fellows.py ny agent_behind          # read it, against docs/languages.md
    python tests/unit/ussd_menus/fellows.py ny agent_behind --keep   # then keep it as expected text

It never writes what was not named, so that nobody keeps a text that nobody has read.
"""

import json
import sys
from pathlib import Path

import transcripts

FOLDER = Path(transcripts.__file__).parents[3] / "fixtures" / "transcripts"
LANGUAGES = {"ny": ("Nyanja", "2"), "bem": ("Bemba", "3")}
# Where English changes to Nyanja, Nyanja changes to Bemba: else nothing would change.
TYPED_INSTEAD = {("language_and_help", "ny"): (1, "3")}


def written(name, language):
    """Return the fellow of an English transcript as it stands in a file."""
    english = transcripts.everyone()[name]
    spoken_name, key = LANGUAGES[language]
    is_new = not english["given"].get("phone", {}).get("language")
    said = {
        "says": f"In {spoken_name}: {english['says']}",
        "as": name,
        "language": language,
        "dialled": _with_choice(english["dialled"], key),
        "hops": [{"typed": hop["typed"]} for hop in english["hops"]],
    }
    if is_new and not said["dialled"]:
        said["hops"][0]["typed"] = key
    if (name, language) in TYPED_INSTEAD:
        at, typed = TYPED_INSTEAD[name, language]
        said["hops"][at]["typed"] = typed
    first, *screens = transcripts.played(transcripts.fellow({name: english}, said))
    hops = [hop | {"screen": screen} for hop, screen in zip(said["hops"], screens, strict=True)]
    del said["hops"]
    return said | {"first": first, "hops": hops}


def _with_choice(dialled, key):
    # A whole first call, `1*1*KNY-0417-1…`, begins with the choice of language; another one with a tap.
    return key + dialled[1:] if dialled.startswith("1*1*") else dialled


def beside(name, language):
    """Yield each screen of both languages for reading."""
    english, other = transcripts.everyone()[name], written(name, language)
    yield f"== {name} {language}: {english['says']}"
    yield _pair("", english["first"], other["first"])
    for hop, said in zip(english["hops"], other["hops"], strict=True):
        yield _pair(said["typed"], hop["screen"], said["screen"])


def _pair(typed, english, other):
    return f"[{typed}]\n{english}\n  ->\n{other}\n"


def keep(name, language):
    """Write the fellow down as expected text."""
    text = json.dumps(written(name, language), indent=1, ensure_ascii=False)
    (FOLDER / f"{language}_{name}.json").write_text(text + "\n", encoding="utf-8")


def main(language, *names):
    """Show or keep what the command line names."""
    for name in [name for name in names if name != "--keep"]:
        if "--keep" in names:
            keep(name, language)
        else:
            sys.stdout.writelines(f"{line}\n" for line in beside(name, language))


if __name__ == "__main__":
    main(*sys.argv[1:])
