module kubepreflight.invalid/source-reader

go 1.24
