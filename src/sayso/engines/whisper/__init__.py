"""The embedded speech engine: Whisper on CTranslate2, a window at a time."""
