"""Frames, series and indexes of pandas, with the types whose pickles surprised scanners: zones, periods, intervals."""
import datetime
import os
import sys

import numpy as np
import pandas as pd

from makers.standard_library import pickle_each

FRAMEWORK = "pandas"


def zones():
    found = {"utc": "UTC", "berlin": "Europe/Berlin"}
    import dateutil.tz
    found["dateutil"] = dateutil.tz.gettz("America/New_York")
    found["dateutil-utc"] = dateutil.tz.tzutc()
    try:
        import pytz
        found["pytz"] = pytz.timezone("Asia/Tokyo")
    except ImportError:
        pass
    if sys.version_info[0] > 2:
        found["offset"] = datetime.timezone(datetime.timedelta(hours=2))
    if sys.version_info >= (3, 9):
        import zoneinfo
        found["zoneinfo"] = zoneinfo.ZoneInfo("Europe/Paris")
    return found


def frames():
    plain = pd.DataFrame({"a": [1, 2, 3], "b": [0.5, np.nan, 1.5], "c": ["x", None, "z"], "d": [True, False, True]})
    days = pd.date_range("2024-01-01", periods=3, freq="D")
    found = {
        "plain": plain,
        "series": plain["a"],
        "index": plain.set_index("c"),
        "multi-index": plain.set_index(["a", "c"]),
        "categorical": pd.DataFrame({"plan": pd.Categorical(["free", "paid", "free"], ordered=True)}),
        "times": pd.DataFrame({"t": days, "delta": days - days[0]}, index=days),
        "periods": pd.Series(pd.period_range("2024-01", periods=3, freq="M")),
        "intervals": pd.DataFrame({"bin": pd.cut([1, 5, 9], 3)}),
        "interval-index": pd.IntervalIndex.from_breaks([0, 1, 2]),
        "scalars": [pd.Timestamp("2024-02-29"), pd.Timedelta("1D"), pd.Period("2024-02", "M"), pd.NaT, pd.Interval(0, 1)],
        "offsets": [pd.offsets.MonthEnd(), pd.offsets.BusinessDay(2), pd.offsets.Hour(3), pd.offsets.DateOffset(months=1)],
        "empty": pd.DataFrame(),
        "range": pd.RangeIndex(3),
    }
    if hasattr(pd, "SparseDtype"):
        found["sparse"] = pd.DataFrame({"s": pd.Series([0, 0, 1], dtype="Sparse[int]")})
    for name, maker in (("nullable", lambda: plain.convert_dtypes()), ("missing", lambda: [pd.NA, pd.array([1, None], dtype="Int64")])):
        try:
            found[name] = maker()
        except (AttributeError, TypeError):
            pass  # an older pandas
    return found


def pickled(corpus):
    for name, value in sorted(frames().items()):
        pickle_each(corpus, FRAMEWORK, name, value)
    for name, zone in sorted(zones().items()):
        try:
            frame = pd.DataFrame({"t": pd.date_range("2024-01-01", periods=2, tz=zone)})
        except Exception as error:  # an older pandas does not know every kind of zone
            corpus.skip("%s zone %s in a frame" % (FRAMEWORK, name), error)
            pickle_each(corpus, FRAMEWORK, "zone-" + name, [zone, datetime.datetime(2024, 1, 1, tzinfo=zone)])
            continue
        pickle_each(corpus, FRAMEWORK, "zone-" + name, [frame, pd.Timestamp("2024-06-01", tz=zone)])


def to_pickle(corpus):
    frame = frames()["plain"]
    for suffix in ("pkl", "pkl.gz", "pkl.bz2", "pkl.xz", "pkl.zip", "pkl.zst", "pkl.tar"):
        corpus.save(FRAMEWORK, "to-pickle." + suffix, lambda path: by_name(frame, path), "DataFrame.to_pickle")


def by_name(frame, path):
    """Saves into the folder where it stands: older versions name the member of a zip after the path that they are given."""
    here = os.getcwd()
    os.chdir(os.path.dirname(path))
    try:
        frame.to_pickle(os.path.basename(path))
    finally:
        os.chdir(here)


def grouped(corpus):
    frame = frames()["plain"]
    pickle_each(corpus, FRAMEWORK, "described", frame.describe())
    pickle_each(corpus, FRAMEWORK, "attributes", frame.assign(when=datetime.date(2024, 1, 1)))


MAKERS = [(FRAMEWORK, pickled), (FRAMEWORK, to_pickle), (FRAMEWORK, grouped)]
