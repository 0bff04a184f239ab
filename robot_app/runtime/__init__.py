"""What watches the loop. A sink takes every step; `robot_app.media.recording.LiveRecording` is one as well."""
