from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from tem_track.errors import InputError
from tem_track.read.heating.log import TemperatureLog, read_temperature_log

FORMATS = Path(__file__).resolve().parents[2] / "shared" / "data" / "formats"
real_logs = pytest.mark.skipif(not FORMATS.exists(), reason="real holder logs are not at hand")

DIGIHEATER = """0\t21
30\t600
23/09/'22 23:58\tDigiheater 3.2
R0 = 158.6\ta =  0.0000000\tb = 0.279\tc = 153.051
Tsample = 330 [ms]\x20\x20
sample\ttime\tTset[C]\tTmeas[C]\tRheat[ohm]\tPheat [mW]\tc
1\t23:59:59.50\t23.0\t18.5\t158.2\t0.007\t153.051\tnorm
2\t00:00:00.50\t23.0\t19.5\t158.2\t0.007\t153.051\tfine
3\t00:00:01.50\t23.0\t21.5\t158.2\t0.007\t153.051\tfine
"""
PROTOCHIPS = """Time, Notes, Channel A Temperature, Channel B Current
0, Date (yyyy.mm.dd) = 2014.12.03, 25, 0
0, Time (hh:mm:ss.ms) = 17:15:37.192, 25, 0
0, Time units = Milliseconds, 25, 0
0, Temperature units = Degrees C, 25, 0
0, , 25, 0
500, , 26, 0
1000, a word of the user's, 27, 0
"""


def log_of(tmp_path: Path, text: str, columns: tuple[str, str] | None = None, name: str = "log.csv") -> TemperatureLog:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_temperature_log(path, columns=columns)


def test_digiheater_takes_the_measured_column_and_passes_midnight(tmp_path: Path) -> None:
    log = log_of(tmp_path, DIGIHEATER)
    np.testing.assert_allclose(log.times_s, [0, 1, 2])
    np.testing.assert_allclose(log.temperatures_c, [18.5, 19.5, 21.5])
    assert log.start == datetime(2022, 9, 23, 23, 59, 59, 500000)
    assert log.format == "DENSsolutions Digiheater 3.2 log"


def test_protochips_units_and_start_come_from_its_notes(tmp_path: Path) -> None:
    log = log_of(tmp_path, PROTOCHIPS)
    np.testing.assert_allclose(log.times_s, [0, 0.5, 1])
    np.testing.assert_allclose(log.temperatures_c, [25, 26, 27])
    assert log.start == datetime(2014, 12, 3, 17, 15, 37, 192000)
    with pytest.raises(InputError, match="time units"):
        log_of(tmp_path, PROTOCHIPS.replace("Time units", "Test units"))


def test_impulse_start_stands_in_the_file_beside(tmp_path: Path) -> None:
    text = "TimeStamp,Experiment time,Temperature Measured,Valve\n13:40:26.5,7.5,20,0; 0\n13:40:27.5,8.5,22,0; 0\n"
    alone = log_of(tmp_path, text, name="Gold_Synchronized data.csv")
    np.testing.assert_allclose(alone.times_s, [7.5, 8.5])
    assert alone.clock_s == pytest.approx(13 * 3600 + 40 * 60 + 19)
    assert alone.start is None
    (tmp_path / "Gold_Metadata.log").write_text("Experiment date, 06-08-2021\nExperiment time, 13:40:19\n")
    assert log_of(tmp_path, text, name="Gold_Synchronized data.csv").start == datetime(2021, 8, 6, 13, 40, 19)


@pytest.mark.parametrize(
    "text",
    [
        "time_s,temperature_C\n0,20\n1,22\n",
        "\ufefftime_s;temperature_C\n0,0;20,0\n1,0;22,0\n",
        "# made by hand\n# t(ms)\tT (K)\n0\t293.15\n1000\t295.15\n",
        "t T\ns degC\n0 20\n1 22\n",
        "Time,Temp\n12:00:00,20\n12:00:01,22\n",
        "Date,Time,Temp (F)\n2022-09-23,12:00:00,68\n2022-09-23,12:00:01,71.6\n",
        "some words of a program\n\nTime (min),Tset (C),Tmeas (C),state\n0,0,20,ok\n0.0166666667,0,22,ok\n",
        "time_s,temperature_C\n0,20\n0.5,NaN\n0.7,\n1,22\nend of the experiment\n",
        "time_s,temperature_C,\n0,20,\n1,22,\n",
        '"time_s","temperature_C"\n"0,0","20,0"\n"1,0","22,0"\n',
        "1700000000.0".join(["time_s,temperature_C\n", ",20\n"]) + "1700000001.0,22\n",
    ],
)
def test_plain_tables(tmp_path: Path, text: str) -> None:
    log = log_of(tmp_path, text)
    np.testing.assert_allclose(log.times_s - log.times_s[0], [0, 1], atol=1e-6)
    np.testing.assert_allclose(log.temperatures_c, [20, 22], atol=1e-6)


def test_seconds_since_1970_are_a_start(tmp_path: Path) -> None:
    log = log_of(tmp_path, "time_s,temperature_C\n1700000000,20\n1700000001,22\n")
    assert log.start == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_columns_may_be_named_or_numbered(tmp_path: Path) -> None:
    text = "zeitpunkt,ofen,probe\n0,500,20\n1,500,22\n"
    assert log_of(tmp_path, text, ("1", "3")).temperatures_c.tolist() == [20, 22]
    assert log_of(tmp_path, text, ("zeitpunkt", "OFEN")).temperatures_c.tolist() == [500, 500]
    bare = log_of(tmp_path, "0,20\n1,22\n", ("1", "2"))
    assert bare.temperatures_c.tolist() == [20, 22]
    assert any("taken as degC" in note for note in bare.notes)


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("time_s,pressure_bar\n0,1\n1,1\n", None, "no column that is a temperature"),
        ("temp_C,pressure\n20,1\n21,1\n", None, "no column that is a time"),
        ("0,20\n1,22\n", None, "no header"),
        ("This,is,a,csv,file\n", None, "no rows of numbers"),
        ("time_s,temp_C\n0,20\n1,22\n", ("time_s", "7"), "no column 7"),
        ("time_s,temp_C\n0,20\n1,22\n", ("time_s", "ofen"), "no column 'ofen'"),
        ("time_s,temp_C\n0,20\n1,9e5\n", None, "no specimen can have"),
        ("time_s,temp_K\n0,-20\n1,22\n", None, "no specimen can have"),
        ("time_s,temp_C\n0,20\n" + 20 * "1,\n", None, "only 1 of 21 rows"),
        (
            "time_s,temp_C\n0,20\n1,21\n2,22\n0,20\n1,21\n2,22\n" + "90,23\n30,24\n",
            None,
            "goes back by 60 s near line 9",
        ),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(
    tmp_path: Path, text: str, columns: tuple[str, str] | None, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        log_of(tmp_path, text, columns)
    assert "\n" not in str(caught.value)


def test_few_readings_out_of_order_are_sorted_and_equal_times_averaged(tmp_path: Path) -> None:
    log = log_of(tmp_path, "time_s,temp_C\n0,20\n2,22\n1,21\n3,23\n3,25\n")
    assert log.times_s.tolist() == [0, 1, 2, 3]
    assert log.temperatures_c.tolist() == [20, 21, 22, 24]
    assert len(log.notes) == 2


def test_two_equal_temperature_columns_are_owned_up_to(tmp_path: Path) -> None:
    log = log_of(tmp_path, "time_s,T1 (C),T2 (C)\n0,20,30\n1,21,31\n")
    assert log.temperatures_c.tolist() == [20, 21]
    assert "not from 'T2 (C)'" in log.notes[0]


@real_logs
@pytest.mark.parametrize(
    ("name", "readings", "hottest"),
    [
        ("dens/file1.dens", 7, 50.117),
        ("dens/file2.dens", 7, 50.117),
        ("dens/file3.dens", 7, 50.117),
        ("impulse/StubExperiment_Synchronized data.csv", 775, 799.998708),
        ("impulse/StubExperiment_Heat raw.csv", 778, 799.998708),
        ("impulse/changed_file_name.csv", 775, 799.998708),
        ("protochips/protochips_thermal.csv", 2578, 120.0),
        ("protochips/protochips_electrothermal.csv", 6397, 275.0),
        ("protochips/protochips_gas_cell.csv", 3294, 35.0002465053763),
        ("protochips/protochips_gas_cell_no_user.csv", 36, 25.0),
    ],
)
def test_real_logs(name: str, readings: int, hottest: float) -> None:
    log = read_temperature_log(FORMATS / name)
    assert log.times_s.size == readings
    assert log.temperatures_c.max() == pytest.approx(hottest)
    assert np.all(np.diff(log.times_s) > 0)
    assert log.start is not None or "changed" in name


@real_logs
@pytest.mark.parametrize(
    "name",
    [
        "impulse/random_csv_file.csv",
        "impulse/StubExperiment_Metadata.log",
        "impulse/StubExperiment_Synchronized data.npy",
        "protochips/invalid_protochips_file.csv",
        "protochips/protochips_electrical.csv",
        "protochips/random_csv_file.csv",
    ],
)
def test_real_files_without_temperatures_are_refused(name: str) -> None:
    with pytest.raises(InputError):
        read_temperature_log(FORMATS / name)
