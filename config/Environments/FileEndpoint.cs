using System.Text;
using SecureMesh.Config.Merged;
using SecureMesh.Config.Sources;

namespace SecureMesh.Config.Environments;

/// <summary>
/// <c>/{application}/{profile}/{label}/{path}</c> and <c>/{application}/{profile}/{path}?useDefaultLabel</c>: one file as text
/// with its placeholders filled in, or untouched bytes for <c>Accept: application/octet-stream</c>.
/// </summary>
internal sealed class FileEndpoint(EnvironmentFinder environments)
{
    private const string Bytes = "application/octet-stream";

    public async Task<IResult> HandleAsync(HttpContext http, string application, string profile, string? label, string path)
    {
        var request = EnvironmentRequest.Read(http, application, profile, label);
        if (!request.IsSuccess) return request.Error;
        var checkedPath = Names.FilePath(path);
        if (!checkedPath.IsSuccess) return checkedPath.Error;
        var file = await environments.FindFileAsync(request.Value, checkedPath.Value, http.RequestAborted);
        if (!file.IsSuccess) return file.Error;
        if (http.Request.GetTypedHeaders().Accept.Any(type => type.MediaType.Equals(Bytes, StringComparison.OrdinalIgnoreCase) && type.Quality is not 0))
            return new ConfigContent(file.Value.Content, Bytes, file.Value.Modified);
        return await TextAsync(http, request.Value, file.Value);
    }

    private async Task<IResult> TextAsync(HttpContext http, EnvironmentRequest request, FoundFile file)
    {
        var text = Charset(http.Request).GetString(file.Content);
        var modified = file.Modified;
        if (Placeholders.AreWanted(http.Request) && text.Contains("${", StringComparison.Ordinal))
        {
            var environment = await environments.FindAsync(request, http.RequestAborted);
            if (!environment.IsSuccess) return environment.Error;
            var filled = new Placeholders(MergedProperties.Of(environment.Value)).Fill(text);
            if (!filled.IsSuccess) return filled.Error;
            text = filled.Value;
            if (environment.Value.Modified > modified) modified = environment.Value.Modified.Value; // the text is as new as what was filled in
        }
        return new ConfigContent(Encoding.UTF8.GetBytes(text), "text/plain; charset=utf-8", modified);
    }

    // How the file is read; what is sent is always UTF-8.
    private static Encoding Charset(HttpRequest request)
    {
        foreach (var charset in request.GetTypedHeaders().AcceptCharset.Where(charset => charset.Quality is not 0).OrderByDescending(charset => charset.Quality ?? 1))
        {
            switch (charset.Value.ToString().ToLowerInvariant())
            {
                case "iso-8859-1": return Encoding.Latin1;
                case "us-ascii": return Encoding.ASCII;
                case "utf-16": return Encoding.Unicode;
                case "utf-8": return Encoding.UTF8;
            }
        }
        return Encoding.UTF8;
    }
}
