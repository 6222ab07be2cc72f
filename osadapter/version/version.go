// Package version names the build of stationmaster that a program belongs to.
package version

import (
	"runtime"
	"runtime/debug"
)

// stamp is what git describe says of the source. The Makefile sets it when
// linking: -ldflags "-X github.com/stationmaster/stationmaster/osadapter/version.stamp=v1.2.3".
var stamp string

// Text names the build and the Go release that made it, in the words that every
// program uses: "stationmaster v1.2.3, built with go1.26.8".
func Text() string {
	info, _ := debug.ReadBuildInfo()
	return "stationmaster " + number(stamp, info) + ", built with " + runtime.Version()
}

// number returns the stamp. A program that the go command built without one has
// the version of its module, and one that knows nothing of itself is "devel".
func number(stamp string, info *debug.BuildInfo) string {
	switch {
	case stamp != "":
		return stamp
	case info == nil || info.Main.Version == "" || info.Main.Version == "(devel)":
		return "devel"
	}
	return info.Main.Version
}
