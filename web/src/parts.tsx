// Small pieces that several views use.
import { useEffect, useRef, useState } from "preact/hooks";
import type { ComponentChildren, ComponentType, JSX } from "preact";

// A dialog of the browser's own: it keeps the focus inside, and Escape closes it.
export function Dialog(props: {
  label: string;
  class?: string;
  onClose: () => void;
  children: ComponentChildren;
}): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const gone = useRef(false); // its event comes later, when somebody else may have opened another
  useEffect(() => {
    const shown = dialog.current!;
    if (!shown.open) shown.showModal();
    return () => {
      gone.current = true;
      shown.close();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class={props.class}
      aria-label={props.label}
      onClose={() => !gone.current && props.onClose()}
      onClick={(event) => event.target === dialog.current && props.onClose()}
    >
      <div class="dialog-body">{props.children}</div>
    </dialog>
  );
}

// Says for a moment that it was done.
export function CopyButton(props: { text: () => string; label: string }): JSX.Element {
  const [done, setDone] = useState<string | null>(null);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(null), 2000);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(props.text());
      setDone("Copied");
    } catch {
      setDone("Not allowed to copy");
    }
  };
  return (
    <button type="button" class="quiet" onClick={() => void copy()}>
      <span aria-live="polite">{done ?? props.label}</span>
    </button>
  );
}

export function save(name: string, blob: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// An element's width in pixels, as it changes.
export function useWidth(): [{ current: HTMLDivElement | null }, number] {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry!.contentRect.width)));
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  return [box, width];
}

// A view that is fetched when it is first shown.
export function Late<P extends object>(props: { load: () => Promise<{ default: ComponentType<P> }> } & P): JSX.Element {
  const { load, ...rest } = props;
  const [View, setView] = useState<{ it: ComponentType<P> } | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    load().then((module) => setView({ it: module.default }), () => setFailed(true));
  }, []);
  if (failed) return <p class="bad" role="alert">A part of the page could not be loaded. Load the page anew.</p>;
  return View ? <View.it {...(rest as unknown as P)} /> : <p class="note">Loading…</p>;
}
