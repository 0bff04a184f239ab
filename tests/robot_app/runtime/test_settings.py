import math

import pytest

from robot_app.behaviour.follow import FollowSettings
from robot_app.behaviour.greet import GreetSettings
from robot_app.core.camera import CameraModel
from robot_app.core.errors import ConfigError
from robot_app.runtime.settings import Settings, load_settings


def load(tmp_path, text):
    path = tmp_path / "robot.toml"
    path.write_text(text)
    return load_settings(path)


def test_without_a_file_the_defaults_hold():
    assert load_settings(None) == Settings()


def test_an_empty_file_changes_nothing(tmp_path):
    assert load(tmp_path, "") == Settings()


def test_named_keys_change_and_all_others_stay(tmp_path):
    settings = load(
        tmp_path,
        """
        [detector]
        score = 0.4
        [greet]
        hello = "Ahoi!"   # a comment
        cooldown_s = 30
        seen_frames = 2
        [motion]
        max_frame_age_s = 0.2
        """,
    )
    assert settings.detector.score == 0.4
    assert (settings.greet.hello, settings.greet.cooldown_s, settings.greet.seen_frames) == ("Ahoi!", 30.0, 2)
    assert isinstance(settings.greet.cooldown_s, float)
    assert settings.motion.max_frame_age_s == 0.2
    assert settings.greet.goodbye == Settings().greet.goodbye
    assert settings.tracker == Settings().tracker


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[greet]\ncooldwn_s = 3", 'unknown key "cooldwn_s" in [greet]; did you mean "cooldown_s"?'),
        ("[motion]\nzzz = 3", 'unknown key "zzz" in [motion]; expected one of: max_frame_age_s'),
        ("[gret]\ncooldown_s = 3", 'unknown section "gret"; did you mean "greet"?'),
        ("zzz = 3", 'unknown section "zzz"; expected one of: behaviour, watch, greet, follow'),
        ("greet = 3", '"greet": expected a section [greet], found a value'),
        ("[greet]\ncooldown_s = 'long'", "in [greet]: \"cooldown_s\": expected a number at least 0, found 'long'"),
        ("[greet]\nseen_frames = 2.5", 'in [greet]: "seen_frames": expected a whole number at least 1, found 2.5'),
        ("[greet]\nseen_frames = true", 'in [greet]: "seen_frames": expected a whole number at least 1, found True'),
        ("[greet]\nhello = 3", 'in [greet]: "hello": expected a text, found 3'),
        ("[detector]\nscore = 1.5", 'in [detector]: "score": expected a number from 0 to 1, found 1.5'),
        ("[detector]\nscore = nan", 'in [detector]: "score": expected a number from 0 to 1, found nan'),
        ("[motion]\nmax_frame_age_s = 0", '"max_frame_age_s": expected a number at least 0.01, found 0'),
        ("[follow]\ndistance_mm = 20", 'in [follow]: "distance_mm": expected a number from 130 to 1000, found 20'),
        ("[follow]\ndistance_cm = 20", 'unknown key "distance_cm" in [follow]; did you mean "distance_mm"?'),
        ("[behaviour]\nname = 3", 'in [behaviour]: "name": expected a text, found 3'),
        ("[camera]\nfocal_px = 0", 'in [camera]: "focal_px": expected a number at least 1, found 0'),
        ("[greet]\nseen_frames = 7", '"seen_frames": expected at most "window_frames" (6), found 7'),
        ("[greet\n", "not valid TOML"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_the_file(tmp_path, text, message):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "robot.toml"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FollowSettings(distance_mm=20), '"distance_mm": expected a number from 130 to 1000, found 20'),
        (lambda: FollowSettings(distance_cm=20), 'unknown key "distance_cm"; did you mean "distance_mm"?'),
        (lambda: CameraModel(320.0, -1.0), '"centre_x_px": expected a number at least 0, found -1.0'),
        (lambda: Settings(greet="politely"), "\"greet\": expected GreetSettings, found 'politely'"),
        (lambda: GreetSettings(window_frames=3), '"seen_frames": expected at most "window_frames" (3), found 4'),
    ],
)
def test_settings_made_in_a_program_are_checked_in_the_same_words(make, message):
    with pytest.raises(ConfigError) as caught:
        make()
    assert str(caught.value) == message


def test_a_behaviour_is_chosen_and_tuned(tmp_path):
    settings = load(tmp_path, '[behaviour]\nname = "follow"\n[follow]\ndistance_mm = 300\nseen_frames = 2')
    assert (settings.behaviour.name, settings.follow.distance_mm, settings.follow.seen_frames) == ("follow", 300.0, 2)
    assert settings.greet == Settings().greet


def test_the_command_line_overrides_the_behaviour_of_the_file(tmp_path):
    path = tmp_path / "robot.toml"
    path.write_text('[behaviour]\nname = "follow"')
    assert load_settings(path, behaviour="watch").behaviour.name == "watch"
    assert load_settings(None, behaviour="hide").behaviour.name == "hide"


def test_a_camera_of_ones_own(tmp_path):
    camera = load(tmp_path, "[camera]\nfocal_px = 300\nfocal_y_px = 302.5").camera
    assert camera == CameraModel(focal_px=300.0, focal_y_px=302.5)
    assert load(tmp_path, "").camera is None


def test_a_missing_file(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere.toml: cannot be read \(No such file or directory\)"):
        load_settings(tmp_path / "nowhere.toml")


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / "noise.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_settings(tmp_path / "noise.toml")


def test_the_nominal_camera_sees_ninety_degrees():
    camera = CameraModel()
    assert math.degrees(2 * math.atan(camera.width_px / 2 / camera.focal_px)) == pytest.approx(90)
