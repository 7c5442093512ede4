module pinhook

go 1.21

require github.com/TykTechnologies/tyk-pump v0.0.0
