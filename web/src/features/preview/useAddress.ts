import { useState } from "react";
import { copyText } from "@/lib/clipboard";
import { api, type Project, toFault, useAction, useMutation } from "@/sync";
import { useAnnounce } from "@/ui";

/** What can be done with the preview's address: open it in a tab, copy it, show it to anybody. */
export function useAddress(project: Project, path: string) {
  const projectId = project._id;
  const link = useAction(api.projects.previewLink);
  const publish = useMutation(api.projects.setPublic);
  const announce = useAnnounce();
  const [fault, setFault] = useState<{ title: string; text: string }>();

  const failed = (title: string) => (e: unknown) => {
    const text = toFault(e).message;
    setFault({ title, text });
    announce(`${title} ${text}`, "alert");
  };
  const openTab = () => {
    setFault(undefined);
    // Opened in the press itself: after the answer a browser would take it for a pop-up.
    const tab = window.open("", "_blank");
    link({ projectId, path }).then(
      ({ url }) => {
        if (!tab) return;
        tab.opener = null;
        tab.location.href = url;
      },
      (e: unknown) => {
        tab?.close();
        failed("The new tab was not opened.")(e);
      },
    );
  };
  const copy = () => {
    setFault(undefined);
    link({ projectId, path })
      .then(({ url }) => copyText(project.settings?.public ? new URL(path, url).href : url))
      .then((ok) => {
        if (ok) announce("Copied");
        else failed("The address was not copied.")(new Error("The browser refused."));
      })
      .catch(failed("The address was not copied."));
  };
  const setPublic = (to: boolean) => {
    setFault(undefined);
    publish({ projectId, public: to }).catch(failed("Who can see the preview has not changed."));
  };
  return { openTab, copy, setPublic, fault, dismiss: () => setFault(undefined) };
}
