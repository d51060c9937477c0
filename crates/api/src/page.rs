//! The status page: plain HTML, no scripts, nothing from elsewhere.

use std::fmt::{self, Write};

use crate::wire::{Hash, RoundView, SlotStateView, StatusView};

const HEAD: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"3\">\
<meta name=\"viewport\" content=\"width=device-width\"><title>sotto gateway</title><style>\
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#222}\
table{border-collapse:collapse;width:100%;margin:.5rem 0 2rem}th,td{text-align:left;padding:.25rem .75rem .25rem 0;\
border-bottom:1px solid #ddd}td.n{font-variant-numeric:tabular-nums}code{font-size:.9em}.bad{color:#a40000}\
@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}th,td{border-color:#333}.bad{color:#ff7b72}}\
</style></head><body>";

/// The page for a status.
pub(crate) fn render(status: &StatusView) -> String {
    let mut html = String::from(HEAD);
    // Writing to a string cannot fail.
    let _ = write_page(&mut html, status);
    html
}

fn write_page(out: &mut String, status: &StatusView) -> fmt::Result {
    let head = status.head.map_or(0, |head| head.number);
    write!(out, "<h1>sotto gateway</h1><p>Chain {}, block {head}. ", status.chain_id)?;
    write!(out, "{} live intents, {} waiting.", status.intents_live, status.intents_waiting)?;
    if status.not_ready.is_empty() {
        out.write_str(" Ready.</p>")?;
    } else {
        write!(out, " <span class=\"bad\">Not ready: {}.</span></p>", escape(&status.not_ready.join("; ")))?;
    }
    for (market, error) in &status.market_errors {
        write!(out, "<p class=\"bad\">Market {}: {}</p>", short(market), escape(error))?;
    }
    write_rounds(out, &status.rounds, head)?;
    write_fills(out, &status.rounds)?;
    out.write_str("</body></html>")
}

fn write_rounds(out: &mut String, rounds: &[RoundView], head: u64) -> fmt::Result {
    out.write_str(
        "<h2>Rounds</h2><table><tr><th>round</th><th>opened</th><th>phase</th><th>intents</th><th>sheets</th>\
         <th>settled</th><th>filled</th><th>defaults</th></tr>",
    )?;
    for round in rounds {
        let count =
            |wanted: fn(&SlotStateView) -> bool| round.slots.iter().filter(|s| wanted(&s.state)).count();
        write!(
            out,
            "<tr><td>{}</td><td class=n>{}</td><td>{}</td><td class=n>{}</td><td class=n>{}</td><td class=n>{} of {}</td>\
             <td class=n>{}</td><td class=n>{}</td></tr>",
            short(&round.round_id),
            round.opened_in.number,
            round.phase(head),
            round.slots.len(),
            round.sheets.len(),
            round.commits.iter().filter(|commit| commit.covered).count(),
            round.commits.len(),
            count(|s| matches!(s, SlotStateView::Filled { .. })),
            count(|s| matches!(s, SlotStateView::Defaulted { .. })),
        )?;
    }
    out.write_str("</table>")
}

fn write_fills(out: &mut String, rounds: &[RoundView]) -> fmt::Result {
    out.write_str(
        "<h2>Fills</h2><table><tr><th>round</th><th>slot</th><th>strategy</th><th>sold</th><th>bought</th><th>quote, pips</th></tr>",
    )?;
    for round in rounds {
        for slot in &round.slots {
            match &slot.state {
                SlotStateView::Filled { strategy_id, sell_amount, buy_amount, pips } => write!(
                    out,
                    "<tr><td>{}</td><td class=n>{}</td><td>{}</td><td class=n>{}</td><td class=n>{}</td><td class=n>{pips}</td></tr>",
                    short(&round.round_id),
                    slot.slot,
                    short(strategy_id),
                    sell_amount.0,
                    buy_amount.0
                )?,
                SlotStateView::Defaulted { strategy_id, compensation, .. } => write!(
                    out,
                    "<tr class=bad><td>{}</td><td class=n>{}</td><td>{}</td><td colspan=3>not delivered, {} wei of compensation</td></tr>",
                    short(&round.round_id),
                    slot.slot,
                    short(strategy_id),
                    compensation.0
                )?,
                _ => {}
            }
        }
    }
    out.write_str("</table>")
}

/// The ends of a hash, with the whole as a hint.
fn short(hash: &Hash) -> String {
    let full = hash.0.to_string();
    let (start, end) = (full.get(..10).unwrap_or(&full), full.get(58..).unwrap_or_default());
    format!("<code title=\"{full}\">{start}…{end}</code>")
}

fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::HexAddress;
    use alloy::primitives::{Address, B256};

    // covers: D13
    #[test]
    fn what_a_node_or_a_contract_says_cannot_become_markup() {
        let status = StatusView {
            version: "1".into(),
            chain_id: 1,
            auction_house: HexAddress(Address::ZERO),
            head: None,
            chain_time: None,
            caught_up: false,
            intents_live: 0,
            intents_waiting: 0,
            not_ready: vec!["<script>alert(1)</script>".into()],
            market_errors: vec![(Hash(B256::ZERO), "\"><img src=x onerror='y'>".into())],
            rounds: Vec::new(),
        };
        let html = render(&status);
        assert!(!html.contains("<script") && !html.contains("<img"));
        assert!(html.contains("&lt;script&gt;") && html.ends_with("</body></html>"));
    }
}
