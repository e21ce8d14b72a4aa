import type { Token, Tokens } from "marked";
import { Fragment, memo, type ReactNode, useState } from "react";
import { CodeBlock } from "./CodeBlock";
import { type Block, createBlockReader, decodeEntities, isOpenLink, safeLink } from "./blocks";
import { PathText } from "../FileLinks";
import { pathRef } from "./paths";

/**
 * Text of the agent. No raw HTML is ever made from it: what the parser takes for HTML is
 * shown as the text it is. Closed blocks are drawn once.
 */
export function Markdown({ text }: { text: string }) {
  const [read] = useState(createBlockReader);
  const blocks = read(text);
  return (
    <div className="markdown">
      {blocks.map((block, i) => (
        <BlockView key={i} block={block} />
      ))}
    </div>
  );
}

const BlockView = memo(function BlockView({ block }: { block: Block }) {
  return <>{drawBlock(block.token)}</>;
});

function drawBlocks(tokens: Token[]): ReactNode {
  return tokens.map((t, i) => <Fragment key={i}>{drawBlock(t)}</Fragment>);
}

function drawBlock(token: Token): ReactNode {
  switch (token.type) {
    case "heading":
      // The run itself is the h2 of the page: what the agent titles is below it.
      return (
        <p className="md-heading" role="heading" aria-level={Math.min(6, (token as Tokens.Heading).depth + 2)}>
          {inline(token.tokens)}
        </p>
      );
    case "paragraph":
      return <p>{inline(token.tokens)}</p>;
    case "text":
      return token.tokens ? inline(token.tokens) : plain((token as Tokens.Text).text);
    case "code":
      return <CodeBlock code={(token as Tokens.Code).text} language={(token as Tokens.Code).lang} />;
    case "blockquote":
      return <blockquote>{drawBlocks(token.tokens ?? [])}</blockquote>;
    case "list":
      return <ListView list={token as Tokens.List} />;
    case "table":
      return <TableView table={token as Tokens.Table} />;
    case "hr":
      return <hr />;
    case "space":
    case "def":
      return null;
    default:
      return <p>{token.raw}</p>;
  }
}

function ListView({ list }: { list: Tokens.List }) {
  const items = list.items.map((item, i) => (
    <li key={i} className={item.task ? "md-task" : undefined}>
      {item.task && (
        <input type="checkbox" checked={item.checked ?? false} disabled aria-label={item.checked ? "Done" : "Open"} />
      )}
      {drawBlocks(item.tokens.filter((t) => t.type !== "checkbox"))}
    </li>
  ));
  return list.ordered ? <ol start={Number(list.start) || 1}>{items}</ol> : <ul>{items}</ul>;
}

function TableView({ table }: { table: Tokens.Table }) {
  const cell = (c: Tokens.TableCell) => ({
    style: c.align ? { textAlign: c.align } : undefined,
    children: inline(c.tokens),
  });
  return (
    <div className="md-table">
      <table>
        <thead>
          <tr>
            {table.header.map((c, i) => (
              <th key={i} scope="col" {...cell(c)} />
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, i) => (
            <tr key={i}>
              {row.map((c, j) => (
                <td key={j} {...cell(c)} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function inline(tokens: Token[] | undefined): ReactNode {
  return (tokens ?? []).map((t, i) => (
    <Fragment key={i}>{isOpenLink(tokens?.[i - 1], t) ? t.raw : drawInline(t)}</Fragment>
  ));
}

function drawInline(token: Token): ReactNode {
  switch (token.type) {
    case "strong":
      return <strong>{inline(token.tokens)}</strong>;
    case "em":
      return <em>{inline(token.tokens)}</em>;
    case "del":
      return <del>{inline(token.tokens)}</del>;
    case "br":
      return <br />;
    case "codespan":
      return <CodeSpan text={decodeEntities((token as Tokens.Codespan).text)} />;
    case "link":
      return <LinkView link={token as Tokens.Link} />;
    case "image":
      return <ImageView image={token as Tokens.Image} />;
    case "escape":
      return (token as Tokens.Escape).text;
    case "text": {
      const { tokens, text } = token as Tokens.Text;
      return tokens ? inline(tokens) : plain(text);
    }
    default:
      return token.raw;
  }
}

function plain(text: string): ReactNode {
  return <PathText text={decodeEntities(text)} />;
}

function CodeSpan({ text }: { text: string }) {
  return <code>{pathRef(text) ? <PathText text={text} /> : text}</code>;
}

function LinkView({ link }: { link: Tokens.Link }) {
  const to = safeLink(link.href);
  if (!to)
    return pathRef(link.href) ? <PathText text={link.href} label={inline(link.tokens)} /> : <>{inline(link.tokens)}</>;
  const shown = link.text.includes(to.host) || to.host === "";
  return (
    <>
      <a href={to.href} target="_blank" rel="noopener noreferrer nofollow">
        {inline(link.tokens)}
      </a>
      {!shown && <span className="md-host"> ({to.host})</span>}
    </>
  );
}

/** A picture can carry data out in its address, so none is fetched unless the reader asks. */
function ImageView({ image }: { image: Tokens.Image }) {
  const [wanted, setWanted] = useState(false);
  const from = safeLink(image.href);
  if (!from || from.host === "") return <>{image.text}</>;
  if (wanted) return <img src={from.href} alt={image.text} referrerPolicy="no-referrer" className="md-image" />;
  return (
    <button type="button" className="md-image-button" onClick={() => setWanted(true)}>
      Image from {from.host}
      {image.text && <span className="md-host"> {image.text}</span>}
    </button>
  );
}
