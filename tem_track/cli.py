"""The command line: reads what was asked, calls the pipeline, says what came out, nothing else.

Everything heavy is imported inside the command that needs it, so that ``--help`` answers at once.
"""

from __future__ import annotations

import sys
import warnings
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, cast

import click

from tem_track import __version__
from tem_track.cli_batch import batch
from tem_track.cli_watch import watch
from tem_track.environment import quiet_libraries
from tem_track.errors import LONGEST_MESSAGE, SettingsError, one_line
from tem_track.options import (
    CHANGES,
    DEBUG,
    FILE,
    PHASES,
    Given,
    analysis_options,
    assignment,
    input_options,
    pair_options,
    said_settings,
)
from tem_track.stopping import Stopped, end_at_once, stop_line, stops_promptly
from tem_track.visible import one_visible_line, visible, visible_json

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
MOVIE = click.argument("movie", type=FILE)


@click.group(context_settings=CONTEXT)
@click.version_option(__version__, prog_name="tem-track")
def app() -> None:
    """Kinetics with error bars from in situ TEM and STEM movies.

    \b
    tem-track analyze movie.tif        drift, outlines, tracks, V/V0 curves, figures, overlay movie
    tem-track inspect movie.tif        what the file is understood to be
    tem-track pair before.tif after.tif   V/V0 of the same particles in a few images
    tem-track batch folder             every movie of a folder, put together
    tem-track watch folder             V/V0 while movies are recorded, their analysis once they are complete
    tem-track simulate folder          a movie with known truth
    tem-track theory NiO               V/V0 of a reaction from unit cells
    tem-track settings                 the defaults, commented, as TOML
    """


@app.command()
@MOVIE
@click.option("-o", "--output", type=FILE, help="Run folder to write. [default: MOVIE_run beside you]")
@click.option("--overwrite", is_flag=True, help="Start anew, whatever an earlier run left in the output folder.")
@click.option("--from", "from_stage", default="", metavar="STAGE", help="Work out STAGE and all after it anew.")
@click.option("--settings", "settings_file", type=FILE, help="TOML settings, or an earlier run.json.")
@CHANGES
@analysis_options
@click.option(
    "--reaction",
    multiple=True,
    metavar="[KIND=]REACTION",
    help="Reaction to compare V/V0 with, see theory; KIND=, such as solid=NiO, for one kind of particle only.",
)
@PHASES
@click.option("--json", "as_json", is_flag=True, help="Print how the run goes as lines of JSON for other programs.")
@click.option("-q", "--quiet", is_flag=True, help="Print warnings and errors only.")
@DEBUG
def analyze(
    movie: Path,
    output: Path | None,
    overwrite: bool,
    from_stage: str,
    settings_file: Path | None,
    changes: tuple[str, ...],
    reaction: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    given: Given,
) -> None:
    """Measure drift, particles and their volume curves, or the degradation front, of MOVIE and write a run folder.

    MOVIE is a file of any microscope or camera, a video, a folder of single frames, or one image. Run again, the
    command goes on where it was stopped, or works out only what other settings change.

    \b
    tem-track analyze movie.tif
    tem-track analyze movie.dm4 -o runs/movie --frame-interval 400ms
    tem-track analyze frames/ --pixel-size 0.26nm --set expansion.volume_model=spheroid
    tem-track analyze movie.tif --reaction NiO@CuO
    tem-track analyze heating.tif --temperature Chip4Data.txt --log-offset 37.4s
    tem-track analyze movie.tif --sensitivity
    """
    from tem_track.console import Console
    from tem_track.status import StatusLines

    folder = output or Path(f"{_stem(movie)}_run")
    with _stops_promptly(), StatusLines(movie, folder) if as_json else Console(quiet) as reporter:
        from tem_track import pipeline

        if reaction:
            given.settings["expansion"] = {"reaction": "; ".join(reaction)}
        settings, sources = said_settings(settings_file, changes, given.settings)
        _check_repeated(settings_file, given.files)
        request = pipeline.Request(
            movie=movie,
            output=folder,
            settings=settings,
            sources=sources,
            overwrite=overwrite,
            command=("tem-track", *sys.argv[1:]),
            from_stage=from_stage,
            **cast("dict[str, Any]", given.files),
        )
        reporter.summary(pipeline.analyze(request, reporter))


@app.command()
@MOVIE
@input_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
@DEBUG
def inspect(
    movie: Path,
    as_json: bool,
    given: Given,
) -> None:
    """Print what MOVIE is understood to be: shape, calibration, times, polarity, unusable frames.

    \b
    tem-track inspect movie.dm4
    tem-track inspect movie.tif --json
    """
    from tem_track import pipeline

    settings, _ = said_settings(None, (), given.settings)
    facts = pipeline.inspect(movie, settings.input, given.files["times"], given.files["temperature"])
    if as_json:
        import json

        click.echo(visible_json(json.dumps(facts, indent=2, ensure_ascii=False)))
    else:
        from tem_track.console import print_facts

        print_facts(facts)


@app.command()
@click.argument("before", type=FILE)
@click.argument("after", type=FILE, nargs=-1, required=True)
@click.option("-o", "--output", type=FILE, help="Run folder to write. [default: BEFORE_pair beside you]")
@click.option("--overwrite", is_flag=True, help="Replace an earlier run in the output folder.")
@click.option("--settings", "settings_file", type=FILE, help="TOML settings, or an earlier run.json.")
@CHANGES
@pair_options
@click.option("-q", "--quiet", is_flag=True, help="Print warnings and errors only.")
@DEBUG
def pair(
    before: Path,
    after: tuple[Path, ...],
    output: Path | None,
    overwrite: bool,
    settings_file: Path | None,
    changes: tuple[str, ...],
    quiet: bool,
    given: Given,
) -> None:
    """Compare a few images of the same particles at different states: V/V0 over the state of BEFORE.

    The images may differ in magnification, rotation, shift and contrast; where one lies in the other is found in them.

    \b
    tem-track pair pristine.dm4 lithiated.dm4
    tem-track pair 0h.tif 2h.tif 6h.tif --states states.csv -o exsitu
    """
    from tem_track import pipeline
    from tem_track.console import Console

    settings, sources = said_settings(settings_file, changes, given.settings)
    _check_repeated(settings_file, given.files)
    request = pipeline.PairRequest(
        images=(before, *after),
        output=output or Path(f"{_stem(before)}_pair"),
        settings=settings,
        sources=sources,
        overwrite=overwrite,
        command=("tem-track", *sys.argv[1:]),
        **given.files,
    )
    with _stops_promptly(), Console(quiet) as console:
        console.summary(pipeline.pair(request, console))


@app.command()
@click.argument("name", metavar="[REACTION]", required=False)
@click.option("--reaction", help="An equation, such as 'NiO + 2 Li -> Ni + Li2O'; one arrow per stage.")
@click.option("--mixture", help="Reactions and the moles of what they start from, such as NiO:1,CuO:1.3.")
@PHASES
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
@DEBUG
def theory(name: str | None, reaction: str | None, mixture: str | None, phases: Path | None, as_json: bool) -> None:
    """Print V/V0 of REACTION from unit cells, or of every known reaction.

    REACTION is a name, an equation or a mixture. Ions come from outside and have no volume on the left.

    \b
    tem-track theory
    tem-track theory NiO@CuO
    tem-track theory --reaction "CuO + 2 Li -> 1/2 Cu2O + 1/2 Li2O + Li -> Cu + Li2O"
    tem-track theory --mixture NiO:1,CuO:1.3
    tem-track theory Co3O4 --phases my.toml
    """
    from tem_track import console, pipeline

    given = [text for text in (name, reaction, mixture) if text is not None]
    if len(given) > 1:
        raise click.UsageError("give one of REACTION, --reaction and --mixture")
    book = pipeline.reaction_book(phases)
    facts = pipeline.reaction_facts(book.reaction(given[0]), book) if given else pipeline.book_facts(book)
    if as_json:
        import json

        click.echo(visible_json(json.dumps(facts, indent=2, ensure_ascii=False)))
    elif given:
        console.print_reaction(facts)
    else:
        console.print_reactions(facts["reactions"], facts["phases"])


@app.command("settings")
@click.option("--settings", "settings_file", type=FILE, help="TOML settings, or an earlier run.json.")
@DEBUG
def print_settings(settings_file: Path | None) -> None:
    """Print the settings as commented TOML, ready to be saved and changed.

    \b
    tem-track settings > my.toml
    """
    from tem_track.settings import settings_toml

    click.echo(settings_toml(said_settings(settings_file, (), {})[0]), nl=False)


@app.command()
@click.argument("folder", type=FILE)
@click.option(
    "--preset", default="core-shell", show_default=True, help="Scene to start from; --list-presets names them."
)
@click.option(
    "--set", "changes", multiple=True, metavar="NAME=VALUE", help="Change one option of the scene; may be repeated."
)
@click.option("--seed", type=int, help="Seed of everything random.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier simulation in the folder.")
@click.option(
    "--list-presets",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda c, p, v: _presets(c, v),
    help="Name the presets and end.",
)
@DEBUG
def simulate(folder: Path, preset: str, changes: tuple[str, ...], seed: int | None, overwrite: bool) -> None:
    """Write a movie with known truth into FOLDER: particles that lithiate, or a specimen that is heated.

    \b
    tem-track simulate trial --preset core-shell --seed 7
    tem-track simulate low --set dose_per_px=5
    tem-track simulate heated --preset aged --set crossing_c=590
    """
    from tem_track.simulate import PRESETS, scene_changed, simulation_of
    from tem_track.write.simulation import write_simulation

    if preset not in PRESETS:
        raise SettingsError(f"no preset {preset!r}; there are {', '.join(PRESETS)}")
    values = dict(assignment(text) for text in changes)
    if seed is not None:
        values["seed"] = seed
    simulation = simulation_of(scene_changed(PRESETS[preset], values))
    write_simulation(simulation, folder, overwrite=overwrite)
    click.echo(f"movie and truth written to {visible(str(folder))}")


app.add_command(batch)
app.add_command(watch)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, 1 for a failed run, 2 for a usage error, 130 for Ctrl-C."""
    if arguments is None:
        arguments = sys.argv[1:]
        # What a user must know is said in words by the tool; a library's own warnings are for developers.
        if "--debug" not in arguments and not sys.warnoptions:
            warnings.simplefilter("ignore")
    quiet_libraries()
    try:
        # A command that ends with a code of its own (click.exceptions.Exit) returns it.
        code = app.main(arguments, prog_name="tem-track", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except Stopped as stop:
        _failed(stop_line(sys.argv), stop.exit_code)
        end_at_once(stop.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return _failed("stopped; nothing that looks finished was left behind", 130)
    except BrokenPipeError:
        return 141
    except Exception as error:
        if "--debug" in arguments:
            raise
        return _failed(one_line(error), 1)
    return code if isinstance(code, int) else 0


def _stops_promptly() -> AbstractContextManager[None]:
    def let_go() -> None:
        # Nothing is held where nothing was written yet.
        if lock := sys.modules.get("tem_track.write.lock"):
            lock.let_go_of_all()

    return stops_promptly(stop_line(sys.argv), let_go)


def _failed(message: str, code: int) -> int:
    click.echo(f"tem-track: {one_visible_line(message, LONGEST_MESSAGE)}", err=True)
    return code


def _stem(movie: Path) -> str:
    name = movie.resolve().name
    return name.removesuffix("".join(Path(name).suffixes[-2:])) if name.endswith(".ome.tif") else Path(name).stem


def _check_repeated(file: Path | None, given: dict[str, Path | None]) -> None:
    """Refuse to repeat a run from its record without the files that run was given beside the movie."""
    if file is None:
        return
    from tem_track.settings import files_of_run

    for name, used in files_of_run(file).items():
        if name in given and given[name] is None:
            raise SettingsError(f"{file}: that run was given --{name} {used}; give it again to repeat the run")


def _presets(context: click.Context, wanted: bool) -> None:
    if wanted:
        from tem_track.simulate import PRESETS

        click.echo("\n".join(PRESETS))
        context.exit()


if __name__ == "__main__":
    sys.exit(main())
