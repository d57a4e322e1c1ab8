export function buildWindow(windowFolder: string, outdir: string, entry: 'http' | 'port'): Promise<void>;
export function buildApplication(folder: string, outdir: string): Promise<void>;
