package timeline

import (
	"fmt"
	"html/template"
	"io"
)

var (
	stateLegend = []legend{
		{"s-idle", "idle: the master watches"},
		{"s-starting", "starting: a process is being started"},
		{"s-serving", "serving: the children watch"},
		{"s-saturated", "saturated: nobody watches"},
		{"s-starved", "starved: no descriptor is free, nobody watches"},
		{"s-throttled", "throttled: nobody watches"},
		{"s-held", "held: processes of the predecessor still live"},
		{"s-stopping", "stopping: removed, children are leaving"},
		{"s-opening", "opening: a reload is opening the listeners"},
	}
	barLegend = []legend{
		{"b-starting", "starting"}, {"b-idle", "idle"}, {"b-busy", "busy"}, {"b-retired", "retired"}, {"b-dying", "dying: told to end, or dead and not reaped"},
	}
	markLegend = []legend{
		{"m-client", "a client comes"}, {"m-refusal", "a client is refused"}, {"m-ready", "the master is told of a client"}, {"m-wakeup", "a wakeup"},
	}
	wayLegend = []legend{
		{"m-start", "start"},
		{"m-accept", "accept"},
		{"m-taken", "status: taken"},
		{"m-available", "status: available"},
		{"m-nonsense", "status: nonsense"},
		{"m-cut", "the channel is cut"},
		{"m-kill", "signal of ours"},
		{"m-outside", "signal of others"},
		{"m-exit", "exit is reaped"},
	}
	acrossLegend = []legend{
		{"hangup", "hangup: reload is asked for"},
		{"commit", "reload: a configuration is in force"},
		{"refused", "a configuration or listener is refused"},
		{"edit", "an edit of the files"},
		{"signal", "another signal, the end"},
		{"leap", "time leaps, faults end"},
	}
)

// WriteHTML writes the story as one page that needs nothing else.
func (s *Story) WriteHTML(out io.Writer) error {
	pg, err := s.page()
	if err != nil {
		return err
	}
	if err := pageTemplate.Execute(out, pg); err != nil {
		return fmt.Errorf("write timeline: %w", err)
	}
	return nil
}

var pageTemplate = template.Must(template.New("timeline").Parse(pageText))

const pageText = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<style>` + pageStyle + `</style>
</head>
<body>
<h1>{{.Title}}</h1>
<p>{{.Subtitle}}. Time runs to the right; long silences are drawn short. Point at anything to read what it is.</p>
{{- with .Command}}
<p class="again"><code>{{.}}</code></p>
{{- end}}
{{- with .Broken}}
<p class="breach">{{.Text}}</p>
{{- end}}
<div class="chart">
<svg class="corner" width="190" height="{{.Axis}}" role="presentation">
<text x="4" y="12" class="tick">{{.Unit}}</text><text x="4" y="33" class="name">operator</text>
</svg>
<svg class="axis" width="{{.Width}}" height="{{.Axis}}" role="img" aria-label="time, and what the operator does">
{{- range .Ticks}}
<text x="{{.X}}" y="{{.Y}}" class="{{.Class}}">{{.Text}}</text>
{{- end}}
{{- range .Acts}}
<path d="{{.D}}" class="{{.Class}}"><title>{{.Title}}</title></path>
{{- end}}
</svg>
<svg class="names" width="190" height="{{.Height}}" role="presentation">
{{- range .Lanes}}
<g transform="translate(0 {{.Y}})"><text x="4" y="15" class="name">{{.Name}}<title>{{.Name}}</title></text><text x="4" y="31" class="about">{{.ID}}: {{.About}}</text></g>
{{- end}}
</svg>
<svg class="timeline" width="{{.Width}}" height="{{.Height}}" role="img" aria-label="{{.Title}}">
<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="2" height="6" class="hatching"/></pattern></defs>
<g class="lines">
{{- range .Lines}}
<path d="{{.D}}" class="{{.Class}}">{{with .Title}}<title>{{.}}</title>{{end}}</path>
{{- end}}
</g>
{{- range .Lanes}}
<g class="lane" data-service="{{.ID}}" aria-label="{{.Name}}">
{{- range .Rects}}
<rect x="{{.X}}" y="{{.Y}}" width="{{.W}}" height="{{.H}}" class="{{.Class}}"><title>{{.Title}}</title></rect>
{{- end}}
{{- range .Paths}}
<path d="{{.D}}" class="{{.Class}}"><title>{{.Title}}</title></path>
{{- end}}
{{- range .Texts}}
<text x="{{.X}}" y="{{.Y}}" class="{{.Class}}">{{.Text}}</text>
{{- end}}
</g>
{{- end}}
{{- with .Broken}}
<path d="{{.Line.D}}" class="{{.Line.Class}}"><title>{{.Line.Title}}</title></path>
{{- end}}
</svg>
</div>
{{- if .Quiet}}
<details class="quiet"><summary>{{.QuietWords}}</summary><ul>{{range .Quiet}}<li>{{.}}</li>{{end}}</ul></details>
{{- end}}
{{- with .Broken}}
<section class="sides" id="broken">
{{template "side" .Left}}
{{template "side" .Right}}
</section>
{{- end}}
<section class="legend">
<div><h2>Listeners</h2>{{range .States}}<span><svg width="22" height="14"><rect y="1" width="22" height="12" class="strip {{.Class}}"/></svg>{{.Words}}</span>{{end}}
<span><svg width="22" height="14"><rect width="22" height="14" class="hatch"/></svg>throttled</span></div>
<div><h2>Children (generation·pid)</h2>{{range .Bars}}<span><svg width="22" height="14"><rect y="1" width="22" height="11" class="bar {{.Class}}"/></svg>{{.Words}}</span>{{end}}
<span><svg width="22" height="14"><path d="M8 4l6 6M14 4l-6 6" class="end"/></svg>exit 0</span>
<span><svg width="22" height="14"><path d="M8 4l6 6M14 4l-6 6" class="end bad"/></svg>another end</span></div>
<div><h2>At the listeners, and between them and the children</h2>{{range .Marks}}<span><svg width="22" height="14"><path d="M10 11l-4 -7h8z" class="mark {{.Class}}"/></svg>{{.Words}}</span>{{end}}{{range .Ways}}<span><svg width="22" height="14"><path d="M2 7h16m-4 -3l4 3l-4 3" class="arrow {{.Class}}"/></svg>{{.Words}}</span>{{end}}</div>
<div><h2>The operator, and across all lanes</h2>
{{- range .Across}}<span><svg width="22" height="14"><path d="M11 0v14" class="across act {{.Class}}"/></svg>{{.Words}}</span>
{{end}}<span><svg width="22" height="14"><path d="M11 0v14" class="broken"/></svg>something broke</span></div>
</section>
</body>
</html>
{{define "side"}}<div><h2>{{.Title}}</h2><ul>{{range .Lines}}<li>{{.}}</li>{{else}}<li>nothing</li>{{end}}</ul></div>{{end}}`

const pageStyle = `
:root{color-scheme:light dark;--back:#fff;--ink:#1b1f24;--soft:#656d76;--grid:#e6e9ed;--plate:#f3f5f7;
--listening:#3b82d6;--starting:#f2c744;--serving:#43a562;--saturated:#e07b29;--throttled:#9aa3ad;--held:#9467bd;--stopping:#b0544f;--opening:#c9d1d9;
--idle:#a8dcb8;--busy:#f5b971;--retired:#c7b0e5;--dying:#d98a86;--bad:#c62828;--hatch:#5b6570}
@media (prefers-color-scheme:dark){:root{--back:#14181d;--ink:#e4e8ec;--soft:#9aa4ae;--grid:#262c33;--plate:#1c2229;
--listening:#5aa0ee;--starting:#d9b13a;--serving:#3f9d5c;--saturated:#d9772b;--throttled:#6d7680;--held:#9a74c9;--stopping:#b3605b;--opening:#48515b;
--idle:#2f6b43;--busy:#96612a;--retired:#5d4787;--dying:#8a403c;--bad:#ff6b63;--hatch:#aab4be}}
body{margin:20px;background:var(--back);color:var(--ink);font:14px/1.45 system-ui,"DejaVu Sans",sans-serif}
h1{font-size:17px;margin:0 0 4px;overflow-wrap:anywhere}h2{font-size:13px;margin:0 0 4px}p{margin:0 0 10px;color:var(--soft)}
.again{font-size:12px;overflow-wrap:anywhere}.breach{color:var(--bad);font-weight:600;white-space:pre-wrap}
.chart{display:grid;grid-template-columns:190px max-content;background:var(--plate);border-radius:6px;padding:0 6px 6px;overflow:auto;max-height:max(420px,calc(100vh - 350px))}
.corner,.axis,.names{position:sticky;background:var(--plate)}.axis,.corner{top:0;border-bottom:1px solid var(--soft)}.names,.corner{left:0}.axis{z-index:1}.names{z-index:2}.corner{z-index:3}
svg{display:block}svg text{font:11px system-ui,"DejaVu Sans",sans-serif;fill:var(--ink)}
svg .name{font-weight:600;font-size:12px}svg .about,svg .tick{fill:var(--soft);font-size:10px}
svg .generation{font-size:9px;pointer-events:none}svg .beside{font:10px ui-monospace,"DejaVu Sans Mono",monospace;fill:var(--soft)}svg .differs{fill:var(--bad);font-weight:600}
.grid{stroke:var(--grid);fill:none}
.s-idle{fill:var(--listening)}.s-starting{fill:var(--starting)}.s-serving{fill:var(--serving)}.s-saturated{fill:var(--saturated)}.s-starved{fill:var(--busy)}
.s-throttled{fill:var(--throttled)}.s-held{fill:var(--held)}.s-stopping{fill:var(--stopping)}.s-opening{fill:var(--opening)}
.bar{stroke:var(--soft);stroke-width:.5}.b-starting{fill:var(--plate);stroke-dasharray:2 2}.b-idle{fill:var(--idle)}.b-busy{fill:var(--busy)}
.b-retired{fill:var(--retired)}.b-dying{fill:var(--dying)}
.hatch{fill:url(#hatch);pointer-events:none}.hatching{fill:var(--hatch);opacity:.35}
.end{stroke:var(--ink);stroke-width:1.6;fill:none}.end.bad{stroke:var(--bad);stroke-width:2.2}
.arrow{fill:none;stroke:var(--soft);stroke-width:1.1}.mark{fill:var(--soft);stroke:none}
.m-accept{stroke:#2f7fd0}.m-taken{stroke:#cf7a13}.m-available{stroke:#2c9250}.m-nonsense,.m-kill{stroke:var(--bad)}.m-cut{stroke:#8757c6}
.m-start{stroke:var(--ink)}.m-outside{stroke:#c2185b;stroke-dasharray:2 1.5}.m-exit{stroke:var(--soft);stroke-dasharray:3 2}
.mark.m-client{fill:#2f7fd0}.mark.m-ready{fill:var(--ink)}.mark.m-refusal{fill:var(--bad)}.mark.m-wakeup{fill:#b58a00}
.across{fill:none;stroke-width:1.2}.hangup{stroke:#8aa11c;stroke-dasharray:4 2}.commit{stroke:#1d9aa8;stroke-width:2}.refused{stroke:var(--bad);stroke-dasharray:2 2}
.edit{stroke:var(--soft)}.signal{stroke:var(--ink);stroke-width:2}.leap{stroke:var(--soft);stroke-dasharray:8 4}
.lines .hangup,.lines .refused{opacity:.22}.lines .edit{opacity:0}.act{stroke-dasharray:none;stroke-width:2}
.broken{stroke:#e00000;stroke-width:3;fill:none}
.sides{display:grid;grid-template-columns:1fr 1fr;gap:12px;margin-top:12px;border-left:3px solid #e00000;padding-left:12px}
.sides ul{margin:0;padding-left:16px;font:12px/1.5 ui-monospace,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
.quiet{margin-top:10px;font-size:12px}.quiet ul{columns:18em;margin:4px 0;padding-left:16px;overflow-wrap:anywhere}
.legend{margin-top:14px;display:grid;gap:8px;font-size:12px}.legend h2{font-size:12px}
.legend span{display:inline-flex;align-items:center;gap:6px;margin:0 16px 2px 0;white-space:nowrap}.legend svg{flex:none}
`
