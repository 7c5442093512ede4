module github.com/TykTechnologies/tyk

go 1.21

require (
	github.com/TykTechnologies/tyk-pump v0.0.0
	github.com/getkin/kin-openapi v0.0.0
	github.com/sirupsen/logrus v0.0.0
	pinhook v0.0.0
)
