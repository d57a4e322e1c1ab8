/** Stands for a node binary: what it starts, and what that starts through process.execPath, is emulated. */
export const ARM64_NODE: string;

/** The page sizes of arm64 kernels. */
export const PAGE_SIZES: readonly number[];

/** Why nothing can be emulated here, with what to do about it; null when all is there. */
export function whyNoArm64(): string | null;

/** Why there is no DDS on the emulated Node, likewise. */
export function whyNoDds(): string | null;

/** The environment of an emulated process. */
export function arm64Environment(options?: { readonly pageBytes?: number; readonly cpu?: string }): NodeJS.ProcessEnv;
