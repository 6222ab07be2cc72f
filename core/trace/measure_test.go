package trace

import (
	"flag"
	"os"
	"testing"
)

// With SIM_GOLDEN=off the tests are themselves measured, by wrong programs
// that they must notice: rapid draws the same sequences each time, and does
// not look for the smallest failure.
func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv("SIM_GOLDEN") == "off" {
		for name, value := range map[string]string{"rapid.seed": "1", "rapid.shrinktime": "0s", "rapid.nofailfile": "true"} {
			if err := flag.Set(name, value); err != nil {
				panic(err)
			}
		}
	}
	os.Exit(m.Run())
}
