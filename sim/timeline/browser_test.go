package timeline

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/witness"
)

const browser = "/usr/bin/chromium"

func TestBrowserFindsTheLanes(t *testing.T) {
	if _, err := os.Stat(browser); err != nil {
		t.Skipf("%s is not here: apt-get install chromium", browser)
	}
	if testing.Short() {
		t.Skip("a browser takes seconds: not with -short")
	}
	tale := tell()
	tale.records = append(tale.records, witness.Record{Kind: witness.RecordBroken, Step: tale.step, Now: core.Time(8 * second), Text: "S3 broken"})
	dir := t.TempDir()
	path := filepath.Join(dir, "t.html")
	if err := os.WriteFile(path, []byte(page1(t, OfTrace("a tale", core.MachineOptions{}, tale.records))), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dom, err := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--user-data-dir="+filepath.Join(dir, "profile"), "--dump-dom", "file://"+path).Output()
	if err != nil {
		t.Fatalf("%s: %v", browser, err)
	}
	for _, want := range []struct {
		pattern string
		count   int
	}{
		{`<g class="lane" data-service="\d+" aria-label="private/[^"]+">`, 2},
		{`<rect [^>]*class="strip s-throttled"><title>[^<]+</title></rect>`, 1},
		{`<path [^>]*class="arrow m-taken"><title>`, 1},
		{`<path [^>]*class="broken"><title>S3 broken</title></path>`, 1},
		{`<section class="sides" id="broken">`, 1},
		{`<section class="legend">`, 1},
	} {
		if got := len(regexp.MustCompile(want.pattern).FindAll(dom, -1)); got != want.count {
			t.Errorf("the browser sees %d of %s, want %d", got, want.pattern, want.count)
		}
	}
}
