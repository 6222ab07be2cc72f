package fuzz

import "flag"

// With -update the tests that derive seeds from recordings write them anew.
var update = flag.Bool("update", false, "derive the seeds of testdata/fuzz anew from recordings, traces and tapes")
