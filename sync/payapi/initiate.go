package payapi

import (
	"context"
	"fmt"
	"net/http"

	"payrecon/internal/payout"
)

// Initiate makes a payout: POST /payouts. It validates first, and sends once. An error that is a *FateUnknown
// (errors.As) says that the payout may have been made; every other error says that it was not.
//
// Known not to be made: the request was invalid, no connection came about, or the API refused it (400, 401, 403, 404,
// 429, 501, and what HTTP defines as not looked at, such as 413). Everything else, a 5xx, a timeout, a torn or unreadable
// answer, leaves it open.
func (c *Client) Initiate(ctx context.Context, in Initiation) (payout.Payout, error) {
	if err := in.Validate(); err != nil {
		return payout.Payout{}, err
	}
	body, err := in.body()
	if err != nil {
		return payout.Payout{}, payout.Errorf(payout.KindFailed, "writing the initiation: %w", err)
	}
	r := call{method: http.MethodPost, path: payoutsPath, body: body}
	got, f := c.send(ctx, r)
	if f != nil && f.refused {
		return payout.Payout{}, f.err
	}
	if f != nil {
		return payout.Payout{}, &payout.Error{Kind: payout.KindOf(f.err), Err: &FateUnknown{in.RefID, f.err}}
	}
	p, err := decodeOne(got.body)
	if err == nil && p.RefID != "" && p.RefID != in.RefID {
		err = fmt.Errorf("the answer is about refId %q", clip(p.RefID, 60))
	}
	if err != nil {
		return payout.Payout{}, &payout.Error{Kind: payout.KindTransport, Err: &FateUnknown{in.RefID, c.unusable(r, got, err)}}
	}
	p.OnBehalfOf = in.OnBehalfOf
	return p, nil
}
