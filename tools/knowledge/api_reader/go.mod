module kubepreflight.invalid/api-reader

go 1.24
