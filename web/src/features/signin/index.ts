export { SignInForm, type SignInFormProps } from "./SignInForm";
export type { Flow } from "./check";
