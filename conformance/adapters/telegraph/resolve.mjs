// Telegraph is written for a bundler: it imports "./types" for "./types.js". These hooks look a file up as a bundler does.

export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    if (specifier.endsWith('.js')) throw error;
    return next(`${specifier}.js`, context);
  }
}

export function load(url, context, next) {
  const module = url.includes('/@tboyt/telegraph/dist/');
  return next(url, module ? { ...context, format: 'module' } : context);
}
