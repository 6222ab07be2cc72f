package core

import (
	"flag"
	"os"
	"testing"
)

// With SIM_GOLDEN=off the tests are themselves measured, by wrong programs
// that they must notice: no golden file takes part, rapid draws the same
// sequences each time, and it does not look for the smallest failure.
var measured = os.Getenv("SIM_GOLDEN") == "off"

func TestMain(m *testing.M) {
	flag.Parse()
	if measured {
		for name, value := range map[string]string{"rapid.seed": "1", "rapid.shrinktime": "0s", "rapid.nofailfile": "true"} {
			if err := flag.Set(name, value); err != nil {
				panic(err)
			}
		}
	}
	os.Exit(m.Run())
}
