/** A page, since there has to be one. */
export default function Page() {
  return null;
}
