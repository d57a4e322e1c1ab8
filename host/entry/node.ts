// Entry point for Node and Electron's main, utility and preload processes.

import { nodePlatform } from '../adapter/node';
import { installPlatform } from '../system';

installPlatform(nodePlatform);

export * from '../index';
