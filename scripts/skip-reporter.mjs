/** A jest reporter that ends a run with the tests that were skipped: their names carry the reason. */
export default class SkipReporter {
  onRunComplete(_contexts, results) {
    const skipped = results.testResults.flatMap((file) =>
      file.testResults
        .filter((test) => test.status === 'pending' || test.status === 'todo')
        .map((test) => test.fullName),
    );
    if (skipped.length === 0) return;
    process.stderr.write(
      `\nSkipped (${skipped.length}):\n${skipped.map((name) => `  - ${name}\n`).join('')}`,
    );
  }
}
