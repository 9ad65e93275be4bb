"""The scenarios of the replays, a module each: its docstring tells the story, CLAIMS what it shows, play() plays it."""
