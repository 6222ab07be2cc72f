package main

// entry is the program's first instruction when it is linked with -E main.entry.
func entry()

// entry's only caller is the kernel.
var _ = entry
