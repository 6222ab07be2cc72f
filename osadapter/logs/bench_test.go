package logs

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// BenchmarkLine is what one line costs for each kind of target.
func BenchmarkLine(b *testing.B) {
	const text = "process /usr/lib/postfix/sbin/smtpd pid 4711 exit status 1"
	for _, kind := range []string{"syslog", "postlog", "file"} {
		b.Run(kind, func(b *testing.B) {
			dir := b.TempDir()
			settings := postlogSettings(dir)
			r := &receiver{bind(b, filepath.Join(dir, "log"), unix.SOCK_DGRAM)}
			if kind == "postlog" {
				r = &receiver{bind(b, settings.PostlogPath, unix.SOCK_DGRAM)}
			}
			l := New(testOrigin(filepath.Join(dir, "log")), utc())
			defer l.Close()
			if kind != "syslog" {
				if err := l.Switch(settings); err != nil {
					b.Fatal(err)
				}
			}
			var buffer [4096]byte
			b.ReportAllocs()
			for b.Loop() {
				l.Log(Info, text)
				if kind != "file" {
					if _, err := unix.Read(r.fd, buffer[:]); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
