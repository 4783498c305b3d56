package xlsx

import (
	"fmt"

	"github.com/xuri/excelize/v2"

	"payrecon/report"
)

// tints gives each part one colour in every picture.
var tints = map[report.Tint]string{
	report.TintNeutral: "8795A1", report.TintCompleted: "2F8F5B", report.TintPending: "F0B429", report.TintProcessing: "3E7CB1",
	report.TintRejected: "C0392B", report.TintFailed: "7B341E", report.TintUnknown: "8E44AD",
	report.TintA: "3E7CB1", report.TintB: "C0392B", report.TintC: "F0B429", report.TintD: "2F8F5B", report.TintE: "8E44AD", report.TintF: "8795A1",
}

// charts draws a sheet's pictures.
func charts(f *excelize.File, _ *report.Book, s *report.Sheet) error {
	for _, c := range s.Charts {
		if err := f.AddChart(s.Name, fmt.Sprintf("%s%d", columnName(c.Column), c.Row), chart(s, c)); err != nil {
			return err
		}
	}
	return nil
}

func font(size float64, bold bool) excelize.Font {
	return excelize.Font{Size: size, Bold: bold, Color: ink, Family: "Calibri"}
}

// pixelsOf is how wide the library takes a column of so many characters to be. A picture that ends with a column is anchored
// there, whatever a program makes of widths.
func pixelsOf(width int) int { return 8 * width }

func chart(s *report.Sheet, c report.Chart) *excelize.Chart {
	width := -c.Gap
	for _, column := range s.Columns[c.Column : c.Right+1] {
		width += pixelsOf(column.Width)
	}
	title, small := font(12, true), font(9, false)
	x := &excelize.Chart{
		Dimension: excelize.ChartDimension{Width: uint(width), Height: uint(c.Height)},
		Title:     excelize.ChartTitle{Paragraph: []excelize.RichTextRun{{Text: c.Title, Font: &title}}},
		Legend:    excelize.ChartLegend{Position: "bottom", Font: &small},
		Format:    excelize.GraphicOptions{OffsetX: c.Gap, Positioning: "twoCell", AltText: c.Title, PrintObject: ptr(true)},
		XAxis:     excelize.ChartAxis{Font: small, TickLabelSkip: c.SkipLabels},
		YAxis:     excelize.ChartAxis{Font: small, MajorGridLines: true, NumFmt: excelize.ChartNumFmt{CustomNumFmt: "#,##0"}, Minimum: ptr(0.0)},
		Border:    excelize.LineOptions{Type: excelize.LineSolid, Fill: fill(line), Width: 0.75},
		PlotArea:  excelize.ChartPlotArea{ShowVal: c.Labels},
	}
	for _, s := range c.Series {
		series := excelize.ChartSeries{Name: s.Name, Categories: s.Categories, Values: s.Values, Fill: fill(tints[s.Colour])}
		for i, t := range s.Points {
			series.DataPoint = append(series.DataPoint, excelize.ChartDataPoint{Index: i, Fill: fill(tints[t])})
		}
		x.Series = append(x.Series, series)
	}
	kind(x, c)
	return x
}

// kind sets what depends on the chart's form.
func kind(x *excelize.Chart, c report.Chart) {
	switch c.Kind {
	case report.Doughnut:
		x.Type, x.HoleSize = excelize.Doughnut, 55
		x.Legend.Position = "right"
		x.XAxis, x.YAxis = excelize.ChartAxis{}, excelize.ChartAxis{}
		x.Series[0].Fill = excelize.Fill{}
		x.VaryColors = ptr(true)
	case report.StackedColumns:
		x.Type, x.GapWidth = excelize.ColStacked, ptr(uint(40))
		x.XAxis.NumFmt = excelize.ChartNumFmt{CustomNumFmt: "d mmm"}
		if c.Crowded {
			x.XAxis.Alignment.TextRotation = -90
		}
	case report.Columns:
		x.Type, x.GapWidth = excelize.Col, ptr(uint(60))
		x.Legend.Position = "none"
	case report.Bars:
		x.Type, x.GapWidth = excelize.Bar, ptr(uint(40))
		x.Legend.Position = "none"
		x.XAxis.ReverseOrder = true
	case report.StackedShares:
		x.Type, x.GapWidth = excelize.BarPercentStacked, ptr(uint(40))
		x.XAxis.ReverseOrder = true
		x.YAxis.NumFmt = excelize.ChartNumFmt{CustomNumFmt: "0%"}
	}
}
