package main

import (
	"encoding/json"
	"io"
)

// A result is a metric with its figures.
type result struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Unit     string   `json:"unit"`
	Ours     figures  `json:"ours"`
	Original *figures `json:"original,omitempty"`
	Ratio    *float64 `json:"ratio,omitempty"` // ours divided by the original's
	Must     *float64 `json:"must,omitempty"`
	Aim      *float64 `json:"aim,omitempty"`
	Judged   string   `json:"judged,omitempty"` // "ratio" or "ours": what must and aim are of
	Verdict  string   `json:"verdict,omitempty"`

	atLeast bool
}

// figures are the samples of the rounds and their median.
type figures struct {
	Median  float64   `json:"median"`
	Samples []float64 `json:"samples"`
}

// A side is one of the two masters.
type side string

const (
	ours     side = "ours"
	original side = "original"
)

// samples are the figures so far, by metric.
type samples map[string]map[side][]float64

func (s samples) add(id string, of side, figure float64) {
	if s[id] == nil {
		s[id] = map[side][]float64{}
	}
	s[id][of] = append(s[id][of], figure)
}

// derive adds the figures that are computed from others, round by round.
func (s samples) derive() {
	for _, of := range []side{ours, original} {
		for _, m := range metrics {
			if m.from == nil {
				continue
			}
			more, less := s[m.from[0]][of], s[m.from[1]][of]
			for i := range min(len(more), len(less)) {
				s.add(m.id, of, madeFigure(m.id, more[i], less[i]))
			}
		}
	}
}

// madeFigure computes the figure from those of more and of fewer services.
func madeFigure(id string, more, less float64) float64 {
	if id == perServiceID {
		return (more - less) / (1000 - 10)
	}
	return more / less
}

// results returns every wanted metric for which we have a figure, in the order of
// the table.
func (s samples) results(wanted func(id string) bool) []result {
	var all []result
	for _, m := range metrics {
		if of := s[m.id]; len(of[ours]) > 0 && wanted(m.id) {
			all = append(all, m.result(of[ours], of[original]))
		}
	}
	return all
}

func (m *metric) result(own, others []float64) result {
	r := result{ID: m.id, Name: m.name, Unit: m.unit, Ours: figures{median(own), own}, atLeast: m.goal.atLeast}
	if len(others) > 0 {
		r.Original = &figures{median(others), others}
		if r.Original.Median != 0 {
			ratio := r.Ours.Median / r.Original.Median
			r.Ratio = &ratio
		}
	}
	if m.goal.none() {
		return r
	}
	r.Must, r.Aim, r.Judged = &m.goal.must, &m.goal.aim, "ratio"
	switch {
	case m.goal.absolute:
		r.Judged = "ours"
		r.Verdict = m.goal.judge(r.Ours.Median)
	case r.Ratio != nil:
		r.Verdict = m.goal.judge(*r.Ratio)
	}
	return r
}

// report is the contents of the JSON file.
type report struct {
	System     map[string]string `json:"system"`
	Rounds     int               `json:"rounds"`
	Quick      bool              `json:"quick"`
	Seconds    float64           `json:"seconds"`
	Yardsticks []yardstick       `json:"yardsticks"`
	Notes      []string          `json:"notes,omitempty"`
	Results    []result          `json:"results"`
}

// A yardstick is the time of one vfork, exec and wait before a measurement.
type yardstick struct {
	Stage        string  `json:"stage"`
	Side         side    `json:"side"`
	Round        int     `json:"round"`
	Microseconds float64 `json:"microseconds"`
}

// noisyRatio is the largest acceptable ratio between the yardsticks of runs that
// are compared.
const noisyRatio = 1.3

// noise returns the stages whose yardsticks differ too much, in order, with the
// ratios.
func noise(all []yardstick) (stages []string, ratios []float64) {
	low, high := map[string]float64{}, map[string]float64{}
	var order []string
	for _, y := range all {
		if _, ok := low[y.Stage]; !ok {
			order = append(order, y.Stage)
			low[y.Stage], high[y.Stage] = y.Microseconds, y.Microseconds
		}
		low[y.Stage] = min(low[y.Stage], y.Microseconds)
		high[y.Stage] = max(high[y.Stage], y.Microseconds)
	}
	for _, stage := range order {
		if ratio := high[stage] / low[stage]; ratio > noisyRatio {
			stages, ratios = append(stages, stage), append(ratios, ratio)
		}
	}
	return stages, ratios
}

func (r *report) writeJSON(to io.Writer) error {
	e := json.NewEncoder(to)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
