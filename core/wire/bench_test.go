package wire

import "testing"

// BenchmarkMessage is what the status channel costs on both sides: a child
// writes the report, the master reads it.
func BenchmarkMessage(b *testing.B) {
	b.ReportAllocs()
	var bytes [StatusSize]byte
	for i := range b.N {
		m := Message{PID: int32(i), Generation: uint32(i), Status: Taken}
		m.Append(bytes[:0])
		if ParseMessage(bytes) != m {
			b.Fatal("another message was read than was written")
		}
	}
}

// BenchmarkCommandLine is the argument vector of one start, in memory that is
// kept from one to the next.
func BenchmarkCommandLine(b *testing.B) {
	b.ReportAllocs()
	line := CommandLine{Command: "smtpd", Service: "smtp", Transport: "inet", ProcessLimit: 100, Listeners: 2, Args: []string{"-o", "a=b"}}
	want := len(line.Argv())
	argv := make([]string, 0, 2*want)
	for range b.N {
		if argv = line.AppendArgv(argv[:0]); len(argv) != want {
			b.Fatalf("%d words, want %d", len(argv), want)
		}
	}
}
