package main

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func every(string) bool { return true }

func TestResultsComeInTheOrderOfTheTableWithRatioAndVerdict(t *testing.T) {
	s := samples{}
	for _, figure := range []float64{300, 100, 200} {
		s.add("spawn/unix/1/rate", ours, figure)
	}
	s.add("spawn/unix/1/rate", original, 125)
	s.add("rest/wakeups", ours, 0.5)
	s.add("rest/wakeups", original, 0)
	s.add("unknown", ours, 1)
	got := s.results(every)
	if len(got) != 2 || got[0].ID != "spawn/unix/1/rate" || got[1].ID != "rest/wakeups" {
		t.Fatalf("results: %+v", got)
	}
	rate, wakeups := got[0], got[1]
	if rate.Ours.Median != 200 || rate.Ratio == nil || *rate.Ratio != 1.6 || rate.Verdict != "must" || rate.Judged != "ratio" {
		t.Errorf("rate: %+v", rate)
	}
	if wakeups.Ratio != nil || wakeups.Verdict != "must" || wakeups.Judged != "ours" {
		t.Errorf("wake-ups, which the original has none of: %+v", wakeups)
	}
	if len(s.results(func(id string) bool { return id == "rest/wakeups" })) != 1 {
		t.Error("what is not wanted is in the results")
	}
}

func TestWithoutTheOriginalOnlyAbsoluteGoalsAreJudged(t *testing.T) {
	s := samples{}
	s.add("spawn/unix/1/rate", ours, 100)
	s.add(perServiceID, ours, 1)
	got := s.results(every)
	if len(got) != 2 || got[0].Verdict != "" || got[0].Original != nil || got[1].Verdict != "aim" {
		t.Errorf("results: %+v", got)
	}
}

func TestGrowthAndDescriptorsAreMadeRoundByRound(t *testing.T) {
	s := samples{}
	for _, figure := range []float64{30, 60} {
		s.add("size/3000/startcpu", ours, figure)
		s.add("size/1000/startcpu", ours, 10)
	}
	s.add("size/3000/startcpu", original, 100) // nothing to compare it with
	s.add("size/1000/files", original, 3020)
	s.add("size/10/files", original, 50)
	s.derive()
	if got := s[growthID][ours]; !reflect.DeepEqual(got, []float64{3, 6}) {
		t.Errorf("growth: %v", got)
	}
	if got := s[growthID][original]; got != nil {
		t.Errorf("growth out of nothing: %v", got)
	}
	if got := s[perServiceID][original]; !reflect.DeepEqual(got, []float64{3}) {
		t.Errorf("descriptors for each service: %v", got)
	}
}

func TestNoiseIsNamedByStage(t *testing.T) {
	all := []yardstick{
		{"a", ours, 1, 50},
		{"b", ours, 1, 50},
		{"a", original, 1, 64},
		{"b", original, 1, 100},
		{"a", ours, 2, 55},
	}
	stages, ratios := noise(all)
	if !reflect.DeepEqual(stages, []string{"b"}) || !reflect.DeepEqual(ratios, []float64{2}) {
		t.Errorf("noise: %v %v", stages, ratios)
	}
}

func example() *report {
	s := samples{}
	s.add("spawn/unix/1/rate", ours, 2000)
	s.add("spawn/unix/1/rate", original, 1000)
	s.add("spawn/unix/1/first", ours, 66.66)
	s.add("spawn/unix/1/first", original, 100)
	s.add(perServiceID, ours, 1)
	return &report{
		System: map[string]string{"processors": "2"}, Rounds: 1, Seconds: 12.4,
		Yardsticks: []yardstick{{"spawn/", ours, 1, 50}}, Notes: []string{"a note"}, Results: s.results(every),
	}
}

func TestTableIsMarkdownInColumns(t *testing.T) {
	const want = `| metric                                             | unit | original | ours | ratio |     must |      aim | verdict |
| -------------------------------------------------- | ---- | -------: | ---: | ----: | -------: | -------: | ------- |
| one-shot connections, unix, concurrency 1          | 1/s  |     1000 | 2000 |  2.00 |    ≥ 1.5 |    ≥ 1.9 | aim     |
| connect to first byte, median, unix, concurrency 1 | µs   |      100 | 66.7 |  0.67 |   ≤ 0.55 |    ≤ 0.4 | MISSED  |
| descriptors for each idle service                  |      |          | 1.00 |       | ours ≤ 3 | ours ≤ 1 | aim     |

3 goals: 2 reach the aim, 0 what they must, 1 are missed. Medians of 1 round, 12 s.
note: a note
`
	var got strings.Builder
	if err := example().writeText(&got); err != nil {
		t.Fatal(err)
	}
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

func TestJSONHoldsAllFigures(t *testing.T) {
	var text bytes.Buffer
	want := example()
	if err := want.writeJSON(&text); err != nil {
		t.Fatal(err)
	}
	var got report
	d := json.NewDecoder(&text)
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil {
		t.Fatal(err)
	}
	for i := range want.Results {
		want.Results[i].atLeast = false // what the sign of the goals says
	}
	if !reflect.DeepEqual(&got, want) {
		t.Errorf("got %+v\nwant %+v", got, *want)
	}
}

func TestNumbersHaveThreeDigits(t *testing.T) {
	for x, want := range map[float64]string{0: "0", 0.123: "0.12", 9.994: "9.99", 9.996: "10.0", 99.96: "100", 12.34: "12.3", 123.4: "123", 123456: "123456"} {
		if got := number(x); got != want {
			t.Errorf("number(%v) = %q, want %q", x, got, want)
		}
	}
}
