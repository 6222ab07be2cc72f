package main

import (
	"fmt"
	"slices"
	"strings"
)

// A metric is one row of the table. Its name for -only is id; the part before the
// first slash is the stage that measures it.
type metric struct {
	id   string
	name string
	unit string
	goal goal
	from []string // the metrics from which it is computed, if it is not measured itself
}

// A goal is the value that a metric must reach; the zero value requires nothing.
type goal struct {
	must, aim float64
	atLeast   bool // large figures are good; otherwise small ones
	absolute  bool // applies to our figure itself; otherwise to ours divided by the original's
}

func measured(id, name, unit string, g goal) metric {
	return metric{id: id, name: name, unit: unit, goal: g}
}

func atMost(must, aim float64) goal  { return goal{must: must, aim: aim} }
func atLeast(must, aim float64) goal { return goal{must: must, aim: aim, atLeast: true} }
func ownMost(must, aim float64) goal { return goal{must: must, aim: aim, absolute: true} }

func (g goal) none() bool { return g == goal{} }

// judge returns the verdict on a figure: "aim", "must" or "MISSED".
func (g goal) judge(figure float64) string {
	reaches := func(limit float64) bool {
		if g.atLeast {
			return figure >= limit
		}
		return figure <= limit
	}
	switch {
	case g.none():
		return ""
	case reaches(g.aim):
		return "aim"
	case reaches(g.must):
		return "must"
	}
	return "MISSED"
}

// The sizes of the measurements.
var (
	families     = []string{"unix", "inet"}
	concurrency  = []int{1, 8, 64}
	serviceSizes = []int{10, 100, 1000, 3000}
	exitSizes    = []int{100, 1000, 3000}
)

const (
	crowdSize = 2000 // idle children of another service
	wideSize  = 3000 // idle services besides the measured one
)

// metrics are all metrics, in the order of the table.
var metrics = slices.Concat(spawnMetrics(), reportMetrics(), sizeMetrics(), exitMetrics(), crowdMetrics(), restMetrics())

func spawnMetrics() []metric {
	rates := map[int]goal{1: atLeast(1.5, 1.9), 8: atLeast(1.6, 2.2), 64: atLeast(1.6, 2.2)}
	firsts := map[int]goal{1: atMost(0.55, 0.40)}
	var all []metric
	for _, family := range families {
		for _, c := range concurrency {
			id, who := fmt.Sprintf("spawn/%s/%d/", family, c), fmt.Sprintf("%s, concurrency %d", family, c)
			all = append(all,
				measured(id+"rate", "one-shot connections, "+who, "1/s", rates[c]),
				measured(id+"first", "connect to first byte, median, "+who, "µs", firsts[c]),
				measured(id+"master", "CPU of master per spawn, "+who, "µs", atMost(0.60, 0.38)),
				measured(id+"both", "CPU of master and child per spawn, "+who, "µs", atMost(0.55, 0.40)))
		}
	}
	return append(all,
		measured("spawn/twice/8/rate", "one-shot connections, servers that report available before they leave, unix, concurrency 8", "1/s", goal{}),
		measured("spawn/twice/8/master", "CPU of master per spawn, these servers", "µs", goal{}))
}

func reportMetrics() []metric {
	var all []metric
	for _, kind := range reportKinds {
		all = append(all,
			measured("report/"+kind.id+"/rate", "reports, "+kind.name, "1/s", atLeast(1.4, 2.0)),
			measured("report/"+kind.id+"/cpu", "CPU of master per report, "+kind.name, "µs", atMost(0.55, 0.33)))
	}
	return all
}

// A reportKind is a way in which reports arrive.
type reportKind struct {
	id, name           string
	services, children int
}

var reportKinds = []reportKind{
	{"one", "one child", 1, 1},
	{"service", "50 children of one service", 1, 50},
	{"services", "50 children of 50 services", 50, 50},
}

func sizeMetrics() []metric {
	starts := map[int]goal{10: atMost(1.5, 1.0), 100: atMost(1.3, 0.85), 1000: atMost(1.3, 0.6), 3000: atMost(1.0, 0.45)}
	memory := map[int]goal{10: atMost(1.0, 0.7), 1000: atMost(1.0, 0.7)}
	reloads := map[int]goal{10: atMost(1.2, 0.7), 100: atMost(1.0, 0.5), 1000: atMost(0.9, 0.25), 3000: atMost(0.65, 0.15)}
	var all []metric
	each := func(what string, of func(id, who string, n int)) {
		for _, n := range serviceSizes {
			of(fmt.Sprintf("size/%d/%s", n, what), fmt.Sprintf("%d services", n), n)
		}
	}
	add := func(m metric) { all = append(all, m) }
	each("start", func(id, who string, n int) { add(measured(id, "start with -w, "+who, "ms", starts[n])) })
	each("startcpu", func(id, who string, _ int) { add(measured(id, "CPU of the start, "+who, "ms", goal{})) })
	add(metric{
		id: growthID, name: "growth of start CPU, 3000 over 1000 services", goal: ownMost(3.3, 3.0),
		from: []string{"size/3000/startcpu", "size/1000/startcpu"},
	})
	each("resident", func(id, who string, n int) { add(measured(id, "resident after start, "+who, "kB", memory[n])) })
	each("private", func(id, who string, _ int) { add(measured(id, "private (anonymous) after start, "+who, "kB", goal{})) })
	each("files", func(id, who string, _ int) { add(measured(id, "descriptors, "+who, "", goal{})) })
	add(metric{
		id: perServiceID, name: "descriptors for each idle service", goal: ownMost(3, 1),
		from: []string{"size/1000/files", "size/10/files"},
	})
	each("reload", func(id, who string, n int) {
		add(measured(id, "reload until a new service answers, "+who, "ms", reloads[n]))
	})
	each("reloadcpu", func(id, who string, _ int) { add(measured(id, "CPU of master for the reload, "+who, "ms", goal{})) })
	return all
}

// Figures computed from others.
const (
	growthID     = "size/growth"
	perServiceID = "size/perservice"
)

func exitMetrics() []metric {
	var all []metric
	for _, n := range exitSizes {
		id := fmt.Sprintf("exit/%d/", n)
		all = append(all,
			measured(id+"growth", fmt.Sprintf("a service grows to %d busy children, per child", n), "µs", goal{}),
			measured(id+"growthcpu", fmt.Sprintf("CPU of master per child of these %d", n), "µs", goal{}),
			measured(id+"wall", fmt.Sprintf("mass exit of %d children", n), "ms", atMost(1.3, 1.05)),
			measured(id+"cpu", fmt.Sprintf("CPU of master per reaped child of %d", n), "µs", atMost(2.5, 1.3)))
	}
	return all
}

func crowdMetrics() []metric {
	return []metric{
		measured("crowd/master", fmt.Sprintf("CPU of master per spawn, %d idle children elsewhere", crowdSize), "µs", atMost(0.5, 0.27)),
		measured("crowd/both", "CPU of master and child per spawn, many idle children", "µs", goal{}),
		measured("crowd/first", "connect to first byte, median, many idle children", "µs", goal{}),
		measured("wide/first", fmt.Sprintf("connect to first byte, median, %d idle services", wideSize), "µs", atMost(0.8, 0.35)),
		measured("wide/master", "CPU of master per spawn, many services", "µs", goal{}),
		measured("wide/both", "CPU of master and child per spawn, many services", "µs", goal{}),
	}
}

func restMetrics() []metric {
	return []metric{
		measured("rest/wakeups", "wake-ups a second, idle, 10 services", "1/s", ownMost(1, 0)),
		measured("rest/cpu", "CPU a second, idle, 10 services", "µs", goal{}),
		measured("rest/resident", "resident after 10,000 starts of children, a reload and a rest", "kB", atMost(1.5, 1.0)),
		measured("rest/private", "private (anonymous) then", "kB", goal{}),
		measured("rest/after", "wake-ups a second then", "1/s", ownMost(1, 0)),
	}
}

// wants reports whether a metric whose name begins with prefix is to be measured.
func (s *settings) wants(prefix string) bool {
	begins := func(id string) bool { return strings.HasPrefix(id, prefix) }
	return slices.ContainsFunc(metrics, func(m metric) bool {
		return (begins(m.id) || slices.ContainsFunc(m.from, begins)) && (s.only == nil || s.only.MatchString(m.id))
	})
}

// mean returns the mean of the figures; 0 if there are none.
func mean(figures []float64) float64 {
	sum := 0.0
	for _, figure := range figures {
		sum += figure
	}
	return sum / float64(max(len(figures), 1))
}

// median returns the median of the figures; 0 if there are none.
func median(figures []float64) float64 {
	if len(figures) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(figures))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
