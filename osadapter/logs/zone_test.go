package logs

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestZones(t *testing.T) {
	winter := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	summer := time.Date(2026, 7, 15, 12, 0, 0, 0, time.UTC)
	const clock = "15:04"
	for _, row := range []struct{ value, winter, summer, needs string }{
		{"", "12:00", "12:00", ""},
		{"UTC", "12:00", "12:00", ""},
		{"CET-1", "13:00", "13:00", ""},
		{"CET-1CEST,M3.5.0,M10.5.0/3", "13:00", "14:00", ""},
		{":CET-1CEST,M3.5.0,M10.5.0/3", "13:00", "14:00", ""},
		{"<+0330>-3:30", "15:30", "15:30", ""},
		{"XST5XDT", "07:00", "08:00", ""},
		{"no such zone", "12:00", "12:00", ""},
		{"/no/such/file", "12:00", "12:00", ""},
		{"../../etc/passwd", "12:00", "12:00", ""},
		{"/etc/passwd", "12:00", "12:00", ""},
		{"Europe/Berlin", "13:00", "14:00", "/usr/share/zoneinfo/Europe/Berlin"},
		{":Europe/Berlin", "13:00", "14:00", "/usr/share/zoneinfo/Europe/Berlin"},
		{"/usr/share/zoneinfo/Europe/Berlin", "13:00", "14:00", "/usr/share/zoneinfo/Europe/Berlin"},
	} {
		if row.needs != "" {
			if _, err := os.Stat(row.needs); err != nil {
				t.Logf("%q not tried: needs %s", row.value, row.needs)
				continue
			}
		}
		zone := loadZone(row.value, true)
		if got := winter.In(zone).Format(clock); got != row.winter {
			t.Errorf("%q in winter: got %s, want %s", row.value, got, row.winter)
		}
		if got := summer.In(zone).Format(clock); got != row.summer {
			t.Errorf("%q in summer: got %s, want %s", row.value, got, row.summer)
		}
	}
}

func TestZoneFileIsReadWhateverItIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zone")
	for _, content := range []string{"", "TZif", "TZif2\x00\x00"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if zone := loadZone(path, true); zone != time.UTC {
			t.Errorf("%q gave %v", content, zone)
		}
	}
	if zone := loadZone("", false); zone == nil {
		t.Error("no zone without TZ")
	}
}
