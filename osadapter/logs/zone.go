package logs

import (
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/osadapter/disk"
)

// localZone is where systems keep their zone.
const localZone = "/etc/localtime"

// maxZoneFile bounds what is read as a zone file; real ones have a few
// kilobytes.
const maxZoneFile = 1 << 16

// loadZone finds the zone that the C library would use for the variable TZ: a
// zone file by name or path, else a rule in POSIX notation, else UTC. Go's own
// time.Local looks at TZ once only and knows no rules.
func loadZone(value string, present bool) *time.Location {
	if !present {
		return zoneOr(readZone(localZone), time.UTC)
	}
	if value != "" && value[0] == ':' {
		value = value[1:]
	}
	if value == "" {
		return time.UTC
	}
	if value[0] == '/' {
		return zoneOr(readZone(value), time.UTC)
	}
	if zone, err := time.LoadLocation(value); err == nil && value != "Local" {
		return zone
	}
	return zoneOr(ruleZone(value), time.UTC)
}

func zoneOr(zone, otherwise *time.Location) *time.Location {
	if zone == nil {
		return otherwise
	}
	return zone
}

// readZone reads a zone file, nil if that fails.
func readZone(path string) *time.Location {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return nil
	}
	fd = disk.AwayFromStandard(fd)
	defer closeDescriptor(fd)
	content := make([]byte, maxZoneFile)
	n := 0
	for n < len(content) {
		got, err := unix.Read(fd, content[n:])
		if err != nil || got == 0 {
			break
		}
		n += got
	}
	zone, err := time.LoadLocationFromTZData("local", content[:n])
	if err != nil {
		return nil
	}
	return zone
}

// ruleZone makes a zone from a rule like "CET-1CEST,M3.5.0,M10.5.0/3". Go reads
// such rules only at the end of a zone file, so we write the smallest file that
// has one (RFC 9636): one transition long ago, to UTC, and then the rule. What
// is not a rule leaves UTC in force for ever.
func ruleZone(rule string) *time.Location {
	const name = "UTC\x00"
	header := func(dst []byte, transitions, types, chars uint32) []byte {
		dst = append(dst, "TZif2"...)
		dst = append(dst, make([]byte, 15)...)
		for _, count := range [6]uint32{3: transitions, 4: types, 5: chars} {
			dst = binary.BigEndian.AppendUint32(dst, count)
		}
		return dst
	}
	file := header(nil, 0, 0, 0)
	file = header(file, 1, 1, uint32(len(name)))
	longAgo := int64(-1) << 59
	file = binary.BigEndian.AppendUint64(file, uint64(longAgo))
	file = append(file, 0)                // the transition goes to type 0,
	file = append(file, 0, 0, 0, 0, 0, 0) // which is no offset, no summer time, first name
	file = append(file, name...)
	file = append(file, '\n')
	file = append(file, rule...)
	file = append(file, '\n')
	zone, err := time.LoadLocationFromTZData(rule, file)
	if err != nil {
		return nil
	}
	return zone
}
