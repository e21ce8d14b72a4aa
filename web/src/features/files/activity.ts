/** What the agent does to files now, as the timeline tells it. */
export interface FileActivity {
  /** The file that a step is writing at this moment. */
  editing?: string;
  /** Finished edits of the newest run, oldest first; the key tells them apart. */
  edits: { key: string; path: string }[];
  /** Grows whenever files may have come or gone: commands, checkpoints. */
  changes: number;
}

export const quiet: FileActivity = { edits: [], changes: 0 };
