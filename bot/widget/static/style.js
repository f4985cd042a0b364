/** How the panel looks; shops set the --askfirst-* properties on askfirst-chat. */

const CSS = `
:host{
--surface:var(--askfirst-surface,light-dark(#fff,#161a19))!important;
--text:var(--askfirst-text,light-dark(#1b2220,#ebefed))!important;--bubble-text:var(--text)!important;
--font:var(--askfirst-font,system-ui,-apple-system,"Segoe UI",Roboto,sans-serif)!important;
font-family:var(--font)!important;line-height:1.45!important;
--muted:var(--askfirst-muted,light-dark(#56605c,#a3aea9))!important;
--line:var(--askfirst-line,light-dark(#dfe4e1,#303735))!important;
--bubble:var(--askfirst-bubble,light-dark(#f0f3f1,#232928))!important;
--alert:light-dark(#a3201a,#ffb4ab)!important;--edge:light-dark(#86918c,#6f7b76)!important;
--radius:var(--askfirst-radius,18px)!important;--ring:var(--accent)!important}
@supports (color:oklch(from red l c h)){:host{--ring:light-dark(
oklch(from var(--accent) min(l,.52) c h),oklch(from var(--accent) max(l,.74) c h))!important}}
.badge{position:absolute;inset-block-start:-4px;inset-inline-end:-4px;min-inline-size:22px;
box-sizing:border-box;padding:0 6px;border-radius:11px;font-size:13px;line-height:22px;
font-weight:600;text-align:center;background:#b3261e;color:#fff}
*{box-sizing:border-box}
.aside{position:absolute;inline-size:1px;block-size:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.panel{position:fixed;inset:auto;inset-block-end:calc(var(--gap) + 72px);inset-inline-end:var(--gap);margin:0;padding:0;
inline-size:min(392px,100vw - 40px);block-size:min(620px,100dvh - var(--gap) - 92px);
max-inline-size:none;max-block-size:none;overflow:hidden;flex-direction:column;
color:var(--text);background:var(--surface);border:1px solid var(--line);border-radius:var(--radius);
box-shadow:0 2px 6px rgb(0 0 0/.06),0 16px 48px rgb(0 0 0/.16)}
@media (min-width:481px) and (min-height:481px){:host([position=start]) .panel{inset-inline:var(--gap) auto}}
.panel[open]{display:flex;animation:rise .18s ease-out}
.panel::backdrop{background:none}
@keyframes rise{from{opacity:0;translate:0 10px}}
header{display:flex;align-items:center;gap:8px;padding-block:8px;padding-inline:18px 6px;
border-block-end:1px solid var(--line);flex:none}
h2{margin:0;flex:1;font:600 1em/1.3 var(--font);overflow-wrap:anywhere}
h2 span{display:block;font-weight:400;font-size:.82em;color:var(--muted)}
button{font:inherit;color:inherit;cursor:pointer;touch-action:manipulation}
button:focus-visible,textarea:focus-visible,.log:focus-visible{outline:2px solid var(--ring);outline-offset:2px}
.log:focus-visible{outline-offset:-3px}
.close,.send,.more{inline-size:44px;block-size:44px;display:grid;place-items:center;border:0;border-radius:50%;background:none;flex:none}
.close:hover,.more:hover,.menu button:hover{background:var(--bubble)}
.choose{position:relative;margin-inline-end:-8px}.more svg{stroke-width:3.2}
.menu{position:absolute;z-index:1;inset-block-start:100%;inset-inline-end:0;margin:0;padding:6px;list-style:none;
inline-size:max-content;max-inline-size:min(300px,76vw);background:var(--surface);border:1px solid var(--line);border-radius:12px;box-shadow:0 8px 28px rgb(0 0 0/.2)}
.menu[hidden]{display:none}
.menu button{inline-size:100%;min-block-size:44px;padding:8px 12px;border:0;border-radius:8px;background:none;text-align:start}
svg{inline-size:22px;block-size:22px;fill:none;stroke:currentcolor;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
.log{flex:1;min-block-size:0;overflow-y:auto;overscroll-behavior:contain;scroll-padding-block:12px;
padding:18px;display:flex;flex-direction:column;gap:10px}
.log>:first-child{margin-block-start:auto}
.row{display:flex;flex-direction:column;align-items:flex-start;flex:none;position:relative}
.row.shopper{align-items:flex-end}
.row.assistant+.shopper,.row.shopper+.assistant{margin-block-start:6px}
.bubble{margin:0;max-inline-size:86%;padding:10px 14px;border-radius:var(--radius);background:var(--bubble);color:var(--bubble-text);
white-space:pre-wrap;text-wrap:pretty;overflow-wrap:anywhere;unicode-bidi:plaintext}
.assistant .bubble{border-end-start-radius:5px}
.shopper .bubble{border-end-end-radius:5px;background:var(--accent);color:var(--on-accent)}
.failed .bubble{background:none;color:inherit;box-shadow:inset 0 0 0 1px var(--alert)}
.day{margin:6px auto;font-size:.82em;color:var(--muted)}
.note{margin:4px 2px 0;font-size:.82em;color:var(--muted);max-inline-size:86%;text-align:end}
.note.slow{animation:show 0s 1.2s both}
@keyframes show{from{visibility:hidden}}
.again{text-align:center;max-inline-size:none}
.failed .note{color:var(--alert)}
.note button{min-block-size:44px;padding:0 10px;margin-inline-end:-8px;border:0;background:none;font-weight:600;text-decoration:underline}
.choices{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(8.5em,100%),1fr));gap:8px;
grid-auto-rows:1fr;inline-size:100%;margin-block-start:10px}
.choices>*{min-block-size:44px;padding:8px;border:1px solid var(--ring);border-radius:min(14px,var(--radius));
background:var(--surface);line-height:1.3;text-wrap:balance;overflow-wrap:anywhere;transition:background .12s}
.choices>:hover{background:var(--bubble)}.choices>:active{background:var(--line)}
.ways a{display:grid;place-items:center;text-align:center;color:inherit}
.status{flex:none;display:flex;align-items:center;gap:10px;padding-inline:20px;font-size:.86em;color:var(--muted)}
.status:not([data-kind=""]){padding-block:2px 10px}
.dots{display:none;gap:4px}
.status[data-kind=thinking] .dots{display:flex}
.dots i{inline-size:6px;block-size:6px;border-radius:50%;background:currentcolor;animation:breathe 1.2s infinite both}
.dots i:nth-child(2){animation-delay:.18s}
.dots i:nth-child(3){animation-delay:.36s}
@keyframes breathe{0%,70%,100%{opacity:.3}35%{opacity:1}}
.composer{flex:none;display:flex;flex-wrap:wrap;align-items:flex-end;gap:4px;margin:0 12px 12px;padding:3px;
border:1px solid var(--edge);border-radius:calc(var(--radius) + 8px);
margin-block-end:max(12px,env(safe-area-inset-bottom))}
.composer:focus-within{outline:2px solid var(--ring);outline-offset:-1px}
.counter{flex:0 0 100%;margin:2px 0 0;padding-inline:14px;font-size:.82em;color:var(--muted);text-align:end}
.counter[hidden]{display:none}
.counter.over{color:var(--alert)}
textarea{flex:1;min-inline-size:0;min-block-size:44px;max-block-size:8.5em;padding:10px 14px;border:0;margin:0;resize:none;
field-sizing:content;background:none;color:inherit;font:inherit;font-size:max(1em,16px)}
textarea:focus-visible{outline:none}
textarea::placeholder{color:var(--muted);opacity:1}
.send{background:var(--accent);color:var(--on-accent)}
@media (max-width:480px),(max-height:480px){
.panel{inset:0 0 auto;inline-size:100%;block-size:var(--visible,100dvh);border:0;border-radius:0}
.panel.peek{inset-block:auto 0;block-size:min(70dvh,480px);border-block-start:1px solid var(--line);
border-radius:var(--radius) var(--radius) 0 0;box-shadow:0 -8px 40px rgb(0 0 0/.18)}}
@media (prefers-reduced-motion:reduce){.panel[open],.dots i{animation:none}.choices>*{transition:none}}
@media (forced-colors:active){.dots i{forced-color-adjust:none;background:CanvasText}.badge{border:2px solid}.bubble,.send,.close,.more,.menu button{border:1px solid}.shopper .bubble{border-width:2px}
button:focus-visible,.composer:focus-within{outline:3px solid Highlight}}
@media (prefers-contrast:more){:host{--line:var(--text);--muted:var(--text)}}`;

export function styleSheet(text = CSS) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  return sheet;
}
